//! Cases 15 and 18: answers that are not the file, and sizes that lie.

use std::time::{Duration, Instant};

use newleaf_tests::faulty::{Fault, Faulty};
use newleaf_tests::world::Mirror;
use serde_json::json;

use super::ground::{COPY, Ground, PACKAGE};

#[test]
fn a_signed_size_that_lies_is_refused_though_the_digest_is_right() {
    let ground = Ground::get();
    for difference in [-1_i64, 1] {
        let mirror =
            Mirror::of(&ground.world.registry, &ground.world.path(&format!("lies{difference}")));
        let author = ground.world.registry.author_key();
        let signed = ground.length().checked_add_signed(difference).unwrap();
        mirror.replace("pub.acme", &[&author], |body| {
            body["targets"]["apps/acme/notes/2.0.0/notes.zip"]["length"] = json!(signed);
        });
        let server = Faulty::serve(mirror.folder());
        let machine = ground.machine(&server.url, "");
        machine.refuses(1, &[&ground.length().to_string(), &signed.to_string()]);
        assert_eq!(machine.kept(), 0, "something of it was kept");
    }
}

#[test]
fn more_bytes_than_were_signed_are_not_taken() {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault(PACKAGE, Fault::Longer(10_000_000));
    ground.machine(&server.url, "").refuses(1, &["longer than"]);
}

#[test]
fn a_decompression_bomb_gives_not_a_byte_more_than_was_signed() {
    let ground = Ground::get();
    let server = ground.server();
    // A gibibyte of zeros in 32 KiB: a frame of 8192 blocks that repeat one byte 128 KiB long
    // (RFC 8878 §3.1.1.2.2), whose header promises it all.
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    bomb.extend((1_u32 << 30).to_le_bytes());
    let block = |last: u32| ((128 << 10) << 3 | 0b10 | last).to_le_bytes();
    for number in 0..8192 {
        bomb.extend_from_slice(&block(u32::from(number == 8191))[..3]);
        bomb.push(0);
    }
    server.fault(COPY, Fault::Instead(bomb));
    server.fault(".zst", Fault::Status(404, None));
    let told = ground.machine(&server.url, "").updates();
    assert!(told.contains("promises 1 GiB"), "{told}");
    assert_eq!(server.served(PACKAGE).len(), 1);
}

#[test]
fn a_busy_repository_is_left_alone_as_long_as_it_asks() {
    let ground = Ground::get();
    for status in [429, 503] {
        let server = ground.plain_server();
        server.fault_once(PACKAGE, Fault::Status(status, Some("3")));
        let began = Instant::now();
        ground.machine(&server.url, "").updates();
        assert!(began.elapsed() >= Duration::from_secs(3), "asked again too soon");
        assert_eq!(server.served(PACKAGE).len(), 2);
    }
}

#[test]
fn a_repository_that_asks_for_hours_ends_the_update_and_the_time_is_told() {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault(PACKAGE, Fault::Status(503, Some("7200")));
    let machine = ground.machine(&server.url, "");
    machine.refuses(
        1,
        &["asks to be left alone until 20", "answers 503", "try again after that time"],
    );
    assert_eq!(server.served(PACKAGE).len(), 1, "it was not left alone");
    server.mend();
    machine.updates();
}

#[test]
fn the_sign_in_page_of_a_network_costs_nothing_of_what_came() {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault_once(PACKAGE, Fault::ResetAt(50));
    server.fault_once(PACKAGE, Fault::Page);
    ground.machine(&server.url, "").updates();
    let served = server.served(PACKAGE);
    assert_eq!(served.len(), 3, "{served:#?}");
    assert!(served[2].status == 206 && served[2].from > Some(0), "{served:#?}");
}

#[test]
fn a_sign_in_page_in_the_place_of_metadata_is_no_breach_of_trust() {
    let ground = Ground::get();
    let server = ground.server();
    server.fault(".json", Fault::Page);
    ground.machine(&server.url, "").refuses(1, &["text/html"]);
}

/// `ada:secret`, as RFC 7617 has it.
const CREDENTIALS: &str = "Basic YWRhOnNlY3JldA==";

#[test]
fn a_proxy_that_wants_a_password_is_named_and_given_it() {
    let ground = Ground::get();
    let proxy = Faulty::proxy(ground.mirror.folder(), CREDENTIALS);
    let url = "http://updates.example.com";
    let without = format!("proxy = \"{}\"", proxy.url);
    ground.machine(url, &without).refuses(1, &["407"]);
    let with = without.replace("http://", "http://ada:secret@");
    ground.machine(url, &with).updates();
    assert!(proxy.served(".zst").iter().any(|one| one.status == 200), "nothing came through it");
}

#[test]
fn a_proxy_that_wants_a_password_in_the_middle_of_an_update_says_what_to_set() {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault(PACKAGE, Fault::Status(407, None));
    ground.machine(&server.url, "").refuses(1, &["407", "repository.proxy"]);
    assert_eq!(server.served(PACKAGE).len(), 1);
}

#[test]
fn a_proxy_of_the_environment_is_gone_through() {
    let ground = Ground::get();
    let proxy = Faulty::proxy(ground.mirror.folder(), CREDENTIALS);
    let machine = ground.machine("http://updates.example.com", "");
    let mut command = machine.command(&["update", "acme/notes", "--yes", "--accept-permissions"]);
    command
        .env_remove("NO_PROXY")
        .env("http_proxy", proxy.url.replace("http://", "http://ada:secret@"));
    newleaf_tests::process::Ran::ok(&mut command);
    machine.runs("2.0.0");
}
