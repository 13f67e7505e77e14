//! Case 20: deltas and compressed copies serve where they are right, and are passed over in silence
//! where they are not.

use std::time::Duration;

use newleaf_tests::faulty::Fault;
use newleaf_tests::world::{CoreRelease, HostSettings, Smaller, World};

use super::ground::{COPY, Ground, PACKAGE};

#[test]
fn an_update_takes_the_delta_and_nothing_else() {
    let ground = Ground::get();
    let server = ground.server();
    let told = ground.machine(&server.url, "").updates();
    assert!(told.contains("a delta of") && told.contains("over 1.0.0"), "{told}");
    assert!(server.served(PACKAGE).is_empty() && server.served(COPY).is_empty());
    let served = server.served(".zst");
    assert_eq!(served.len(), 1, "{served:#?}");
    println!("{} bytes in place of {}", served[0].sent, ground.length());
    assert!(served[0].sent * 2 <= ground.length());
}

#[test]
fn a_delta_that_is_not_there_sends_on_to_the_compressed_copy() {
    let ground = Ground::get();
    let server = ground.server();
    // The copy first: its rule must not be that of all that ends in .zst.
    server.fault_once(".zst", Fault::Status(404, None));
    let told = ground.machine(&server.url, "").updates();
    assert!(told.contains("the compressed copy of"), "{told}");
    assert!(server.served(PACKAGE).is_empty());
}

#[test]
fn without_either_the_package_comes_as_it_is() {
    let ground = Ground::get();
    let server = ground.plain_server();
    let told = ground.machine(&server.url, "").updates();
    assert!(!told.contains("smaller form"), "{told}");
    assert_eq!(server.served(PACKAGE).len(), 1);
}

#[test]
fn a_base_that_was_modified_on_disk_leads_to_the_package_without_noise() {
    let ground = Ground::get();
    let server = ground.server();
    let machine = ground.machine(&server.url, "");
    let slots = machine.dir.join("slots/apps/acme/notes");
    let slot = std::fs::read_dir(slots).unwrap().next().unwrap().unwrap().path();
    let changelog = slot.join("CHANGELOG.md");
    let target = if changelog.exists() { changelog } else { slot.join("README.md") };
    std::fs::write(target, "edited by hand").unwrap();
    let told = machine.updates();
    assert!(told.contains("not in a smaller form") && told.contains("the base has"), "{told}");
    assert_eq!(server.served(PACKAGE).len(), 1, "the package, once");
}

#[test]
fn a_delta_whose_output_is_wrong_leads_to_the_package_without_noise() {
    let ground = Ground::get();
    for fault in [Fault::Corrupt, Fault::Instead(b"<!doctype html>".to_vec()), Fault::Page] {
        let server = ground.server();
        server.fault(".zst", fault.clone());
        let told = ground.machine(&server.url, "").updates();
        assert!(told.contains("not in a smaller form"), "{fault:?}: {told}");
        assert_eq!(server.served(PACKAGE).len(), 1, "{fault:?}: the package, once");
        assert!(
            server.served(COPY).is_empty(),
            "{fault:?}: what failed is not tried in another form"
        );
    }
}

#[test]
fn a_delta_that_breaks_off_is_taken_up_where_it_stopped() {
    let ground = Ground::get();
    let server = ground.server();
    server.fault_once(".zst", Fault::StallAt(50));
    let told = ground.machine(&server.url, "").updates();
    assert!(told.contains("a delta of"), "{told}");
    let served = server.served(".zst");
    assert_eq!((served.len(), served[1].status), (2, 206), "{served:#?}");
}

#[test]
fn core_comes_as_a_delta_over_the_release_that_serves() {
    let world = World::with_registry(Smaller::Quick);
    world.registry.publish_core(CoreRelease::Newer);
    let host = world.host("host", HostSettings::default());
    // What `init` copied is no release: there is nothing to make a delta over.
    let first = host.run(&["update", "core", "--yes"]).assert_code(0);
    assert!(!first.stdout.contains("a delta of"), "{}", first.stdout);
    world.registry.publish_core(CoreRelease::Unhealthy);
    world.registry.process.wait_for_line("form=\"deltas/", Duration::from_mins(2));
    let second = host.run(&["update", "core", "--yes"]).assert_code(5);
    let line = second.stdout.lines().find(|line| line.contains("Download:")).unwrap();
    assert!(line.contains("a delta of") && line.contains("over 1.1.0"), "{line}");
    println!("{}", line.trim());
}
