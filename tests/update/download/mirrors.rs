//! Case 19: the first address is dead, stale, or serves corrupt bytes.

use newleaf_tests::faulty::Fault;

use super::ground::{Ground, PACKAGE};

/// A mirrors line of the settings.
fn mirrors(urls: &[&str]) -> String {
    format!("mirrors = {urls:?}")
}

/// Updates from a first address with `fault` and a mirror without one.
fn goes_on_to_the_mirror(fault: Fault) {
    let ground = Ground::get();
    let (first, mirror) = (ground.plain_server(), ground.plain_server());
    first.fault(PACKAGE, fault);
    ground.machine(&first.url, &mirrors(&[&mirror.url])).updates();
    assert_eq!(first.served(PACKAGE).len(), 1, "it was asked again");
    let served = mirror.served(PACKAGE);
    assert_eq!((served.len(), served[0].status, served[0].sent), (1, 200, ground.length()));
}

#[test]
fn a_dead_first_address_is_passed_over_for_metadata_and_packages() {
    let ground = Ground::get();
    let mirror = ground.plain_server();
    let dead = "http://127.0.0.1:1";
    ground.machine(dead, &mirrors(&[&mirror.url])).updates();
}

#[test]
fn a_stale_mirror_that_has_not_the_package_yet_is_passed_over() {
    goes_on_to_the_mirror(Fault::Status(404, None));
}

#[test]
fn a_mirror_that_answers_500_is_passed_over() {
    goes_on_to_the_mirror(Fault::Status(500, None));
}

#[test]
fn a_mirror_that_serves_corrupt_bytes_is_passed_over() {
    goes_on_to_the_mirror(Fault::Corrupt);
}

#[test]
fn a_mirror_that_stands_still_is_left_with_what_it_gave() {
    let ground = Ground::get();
    let (first, mirror) = (ground.plain_server(), ground.plain_server());
    first.fault(PACKAGE, Fault::StallAt(50));
    ground.machine(&first.url, &mirrors(&[&mirror.url])).updates();
    let served = mirror.served(PACKAGE);
    assert_eq!((served.len(), served[0].status), (1, 206), "{served:#?}");
    assert_eq!(served[0].sent, ground.length() - ground.length() / 2);
}

#[test]
fn a_mirror_that_breaks_off_time_and_again_is_left_with_what_it_gave() {
    let ground = Ground::get();
    let (first, mirror) = (ground.plain_server(), ground.plain_server());
    first.fault(PACKAGE, Fault::ResetAt(10));
    ground.machine(&first.url, &mirrors(&[&mirror.url])).updates();
    assert_eq!(first.served(PACKAGE).len(), 2);
    let served = mirror.served(PACKAGE);
    assert_eq!((served.len(), served[0].status), (1, 206), "{served:#?}");
}

#[test]
fn corrupt_bytes_from_everybody_are_a_breach_of_trust() {
    let ground = Ground::get();
    let (first, mirror) = (ground.plain_server(), ground.plain_server());
    first.fault(PACKAGE, Fault::Corrupt);
    mirror.fault(PACKAGE, Fault::Corrupt);
    ground.machine(&first.url, &mirrors(&[&mirror.url])).refuses(4, &["SHA-256"]);
}
