//! Who misbehaves when it is installed and updated.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ground::{Ground, ground, id};
use crate::packages::of_change;

/// What the app answers for its rows as long as nobody has touched them.
const ROWS: &str = "100 rows of 10000 bytes";

/// Version 1.0.0 is installed, and 1.1.0 is there to be had.
fn with_update(ground: &Ground, name: &str) {
    ground.publish(&format!("{name} 1.0.0"), || of_change(name, 0));
    ground.host.run(&["apps", "install", &id(name), "--yes"]).assert_code(0);
    ground.publish(&format!("{name} 1.1.0"), || of_change(name, 1));
    ground.host.run(&["check"]).assert_code(0);
}

/// The old version serves, on the data of before.
fn is_as_before(ground: &Ground, name: &str) {
    assert_eq!(ground.host.app_version(&id(name)), "1.0.0");
    let rows = ground.get(name, "/rows");
    assert_eq!((rows.status, rows.text().as_str()), (200, ROWS), "{name}");
    assert_eq!(ground.get(name, "/").text(), "schema 1");
}

/// The update to 1.1.0 fails for `reason`, and everything is as before.
fn is_taken_back(test: &str, name: &str, reason: &str) {
    let Some(ground) = ground(test) else { return };
    with_update(&ground, name);
    let (ran, siege) =
        ground.siege(name, test, || ground.host.run(&["update", &id(name), "--yes"]));
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(ran.code != 0 && said.contains(reason), "{}: {said}", ran.code);
    siege.told(reason);
    is_as_before(&ground, name);
}

#[test]
fn an_app_that_breaks_down_in_init_is_not_installed() {
    const NAME: &str = "hostile-init";
    let Some(ground) = ground("a trap in init beside a neighbour") else { return };
    ground.publish(NAME, || of_change(NAME, 0));
    let (ran, siege) = ground.siege(NAME, "a trap in init", || {
        ground.host.run(&["apps", "install", &id(NAME), "--yes"])
    });
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(ran.code != 0 && said.contains("on purpose, in init"), "{}: {said}", ran.code);
    siege.told("on purpose, in init");
    assert!(matches!(ground.get(NAME, "/").status, 404 | 503));
    assert!(ground.host.state()["apps"][id(NAME)]["good"].is_null());
}

#[test]
fn a_migration_that_breaks_down_halfway_leaves_the_data_of_before() {
    is_taken_back("a trap in a migration", "hostile-migrate", "on purpose, in the middle");
}

#[test]
fn a_migration_that_fills_its_quota_leaves_the_data_of_before() {
    is_taken_back("a migration that fills its quota", "hostile-full", "quota is used up");
}

#[test]
fn a_version_that_breaks_down_in_its_health_check_is_taken_back() {
    is_taken_back("a trap in health", "hostile-health", "on purpose, in health");
}

#[test]
fn a_version_that_lies_about_its_health_is_taken_back() {
    const NAME: &str = "hostile-liar";
    let Some(ground) = ground("a lie about health") else { return };
    with_update(&ground, NAME);
    let (ran, _) = ground.siege(NAME, "a lie about health", || {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            // Visitors, who find out.
            let visitors = scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    ground.get(NAME, "/");
                }
            });
            let ran = ground.host.run(&["update", &id(NAME), "--yes"]);
            over.store(true, Ordering::SeqCst);
            visitors.join().unwrap();
            ran
        })
    });
    // Its pages are asked for on a copy of the data: it is found out before any visitor meets it.
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(ran.code != 0 && said.contains("was answered 500"), "{}: {said}", ran.code);
    is_as_before(&ground, NAME);
}
