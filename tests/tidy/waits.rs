//! Which sources may not read the wall clock.

use crate::tree::{files, shown};

/// Sources whose waits decide over an update: they count time that passed (`Instant`), so that a
/// clock that is set, or jumps after a suspend, ends no probation early and none too late.
const WAITS: [&str; 4] = [
    "core/launcher/src/serve",
    "core/launcher/src/supervisor",
    "core/launcher/src/lock.rs",
    "core/host/src/probe.rs",
];

#[test]
fn the_waits_of_an_update_read_no_wall_clock() {
    let mut seen = 0;
    for path in files(".rs") {
        let name = shown(&path);
        if WAITS.iter().any(|place| name.starts_with(place)) {
            let text = std::fs::read_to_string(&path).unwrap();
            for clock in ["SystemTime", "SystemClock", "Timestamp::now", "UNIX_EPOCH"] {
                assert!(!text.contains(clock), "{name} reads the wall clock by {clock}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 15, "only {seen} files were looked at");
}
