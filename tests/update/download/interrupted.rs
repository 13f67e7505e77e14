//! Cases 16 and 17: what breaks off is taken up where it stopped, and only there.

use std::time::{Duration, Instant};

use newleaf_tests::faulty::{Fault, Faulty, Served};
use newleaf_tests::world::{Host, HostSettings};

use super::ground::{Ground, PACKAGE};

fn total(served: &[Served]) -> u64 {
    served.iter().map(|one| one.sent).sum()
}

/// The download breaks off at the half, then the server answers the resumption with `fault`.
fn resumed_with(fault: Fault) -> (Faulty, String) {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault_once(PACKAGE, Fault::ResetAt(50));
    server.fault_once(PACKAGE, fault);
    let told = ground.machine(&server.url, "").updates();
    (server, told)
}

#[test]
fn a_connection_reset_at_1_50_and_99_percent_is_taken_up_where_it_stopped() {
    let ground = Ground::get();
    for share in [1, 50, 99] {
        let server = ground.plain_server();
        server.fault_once(PACKAGE, Fault::ResetAt(share));
        ground.machine(&server.url, "").updates();
        let served = server.served(PACKAGE);
        let [first, second] = &served[..] else { panic!("{served:#?}") };
        // What the system still held when the connection was reset is lost, and nothing else.
        let from = second.from.unwrap_or_else(|| panic!("at {share} %: {served:#?}"));
        assert!(from > 0 && from <= first.sent, "at {share} %: {served:#?}");
        assert_eq!((second.status, second.sent), (206, ground.length() - from), "at {share} %");
        println!("reset at {share} %: {} of {} bytes sent", total(&served), ground.length());
    }
}

#[test]
fn a_server_that_answers_200_to_a_range_is_taken_from_its_first_byte() {
    let (server, _) = resumed_with(Fault::IgnoresRange);
    let served = server.served(PACKAGE);
    assert!(served[1].from.is_some() && served[1].status == 200, "{served:#?}");
    assert_eq!((served.len(), served[1].sent), (2, Ground::get().length()));
}

#[test]
fn a_server_that_answers_416_is_asked_for_the_whole_file() {
    let (server, _) = resumed_with(Fault::Unsatisfiable);
    let served = server.served(PACKAGE);
    let statuses = served.iter().map(|one| (one.status, one.from.is_some())).collect::<Vec<_>>();
    assert_eq!(statuses, [(200, false), (416, true), (200, false)]);
}

#[test]
fn a_file_whose_entity_tag_changed_is_taken_from_its_first_byte() {
    let (server, _) = resumed_with(Fault::NewTag);
    let served = server.served(PACKAGE);
    assert_eq!((served.len(), served[1].status), (2, 200), "{served:#?}");
}

#[test]
fn a_part_with_another_content_range_than_was_asked_for_is_not_glued_on() {
    let (server, _) = resumed_with(Fault::WrongRange);
    let served = server.served(PACKAGE);
    let statuses = served.iter().map(|one| (one.status, one.from.is_some())).collect::<Vec<_>>();
    assert_eq!(statuses, [(200, false), (206, true), (200, false)]);
}

#[test]
fn a_download_that_stands_still_is_taken_up_again() {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault_once(PACKAGE, Fault::StallAt(50));
    let began = Instant::now();
    ground.machine(&server.url, "").updates();
    assert!(began.elapsed() >= Duration::from_secs(5), "given up before its time");
    let served = server.served(PACKAGE);
    assert_eq!((served.len(), served[1].status), (2, 206), "{served:#?}");
    assert_eq!(total(&served), ground.length());
}

#[test]
fn one_byte_a_second_is_slow_and_no_standstill() {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault_once(PACKAGE, Fault::Trickle(7));
    let began = Instant::now();
    ground.machine(&server.url, "").updates();
    assert!(began.elapsed() >= Duration::from_secs(7));
    assert_eq!(server.served(PACKAGE).len(), 1, "it was asked for again");
}

#[test]
fn a_download_is_taken_up_after_the_death_of_its_process() {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault_once(PACKAGE, Fault::StallAt(50));
    let machine = ground.machine(&server.url, "");
    let mut first = machine.start_update();
    server.wait_for(PACKAGE, 1);
    while machine.kept() < ground.length() / 2 {
        std::thread::yield_now();
    }
    first.kill_group();
    machine.runs("1.0.0");
    let told = machine.updates();
    let served = server.served(PACKAGE);
    assert_eq!((served.len(), served[1].status), (2, 206), "{served:#?}");
    assert_eq!(total(&served), ground.length());
    assert!(told.contains("of it from an earlier try"), "{told}");
}

#[test]
fn a_host_that_lost_its_power_takes_the_download_up_where_it_stopped() {
    let ground = Ground::get();
    let server = ground.plain_server();
    server.fault_once(PACKAGE, Fault::StallAt(50));
    let machine = ground.machine(&server.url, "");
    HostSettings::default().new_ports(&machine.dir);
    let host = Host::serve(&machine.dir, &machine.program);
    let mut update = host.spawn(&["update", "acme/notes", "--yes", "--accept-permissions"]);
    server.wait_for(PACKAGE, 1);
    while machine.kept() < ground.length() / 2 {
        std::thread::yield_now();
    }
    let host = host.power_cycle();
    update.kill_group();
    assert_eq!(host.history_when_over()[0]["ending"], "undone");
    host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]).assert_code(0);
    let served = server.served(PACKAGE);
    assert_eq!((served.len(), served[1].status), (2, 206), "{served:#?}");
    assert_eq!(total(&served), ground.length());
    assert_eq!(host.count_notes("kept"), 1);
}

#[test]
fn a_rate_is_kept_to() {
    let ground = Ground::get();
    let server = ground.plain_server();
    let rate = ground.length() / 3;
    let began = Instant::now();
    ground.machine(&server.url, &format!("rate = {rate}")).updates();
    assert!(began.elapsed() >= Duration::from_secs(3), "{:?}", began.elapsed());
}
