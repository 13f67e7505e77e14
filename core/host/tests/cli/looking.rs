//! Commands that look at the folder of a host that does not run leave it as a crash left it.

use std::time::Duration;

use newleaf_domain::{Digest, PlanId, Target, Timestamp, UpdateId, Version};
use newleaf_launcher::journal::{Ending, Entry, read_from};
use newleaf_launcher::offline::Purpose;
use newleaf_launcher::state::Way;
use newleaf_launcher::{Layout, StoppedHost, lock};

use crate::place::Place;

/// Leaves an update open, as a crash would.
fn interrupt(layout: &Layout) {
    let purpose = Purpose::Change { workers_within: Duration::ZERO };
    let mut host = StoppedHost::open(layout.clone(), purpose).unwrap();
    let plan = PlanId::of(Digest::of(b"plan"));
    let update = UpdateId::new(Timestamp::from_unix(1_800_000_000), &plan, 1);
    let entry = Entry::Began {
        target: Target::parse("acme/notes").unwrap(),
        from: None,
        to: Version::parse("2.0.0").unwrap(),
        digest: Digest::of(b"2.0.0"),
        plan,
        way: Way::Forward,
        by: "test".to_owned(),
    };
    host.append(Some(update), entry).unwrap();
}

#[test]
fn what_a_crash_left_open_is_cleared_up_by_a_change_and_never_by_a_look() {
    let place = Place::with_host();
    let layout = Layout::new(place.dir());
    interrupt(&layout);
    let before = std::fs::read(layout.journal()).unwrap();
    let status = place.run(&["status"]);
    assert_eq!(status.code, 0, "{status:?}");
    assert!(status.out.contains("update of acme/notes to 2.0.0 was interrupted"), "{}", status.out);
    for look in [&["history"][..], &["preflight"], &["plan"], &["apps", "list"]] {
        place.run(look);
    }
    assert_eq!(std::fs::read(layout.journal()).unwrap(), before, "a look changed the journal");
    place.run(&["apps", "enable", "acme/notes"]);
    let ended = read_from(&layout, 1)
        .unwrap()
        .into_iter()
        .any(|record| matches!(record.entry, Entry::Ended { ending: Ending::Undone, .. }));
    assert!(ended, "a change clears it up first");
}

#[test]
fn a_look_does_not_wait_for_the_workers_of_a_host_that_has_ended() {
    let place = Place::with_host();
    let orphan = lock::hold_workers(&Layout::new(place.dir())).unwrap();
    let status = place.run(&["status"]);
    assert_eq!(status.code, 0, "{status:?}");
    let change = place.run(&["apps", "enable", "acme/notes"]);
    assert_eq!(change.code, 6, "{change:?}");
    assert!(change.err.contains("workers of an earlier host still run"), "{}", change.err);
    assert!(change.err.contains("ps -ef | grep slots/core"), "{}", change.err);
    drop(orphan);
}

#[test]
fn output_that_cannot_be_written_is_a_failure_and_a_closed_pipe_is_none() {
    let place = Place::with_host();
    for arguments in
        [&["history"][..], &["status", "--json"], &["completions", "bash"], &["--help"]]
    {
        let program = || {
            let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_newleaf"));
            program.args(arguments).env("NEWLEAF_DIR", place.dir());
            program
        };
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let refused = program().stdout(full).output().unwrap();
        let told = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}: {told}");
        assert!(told.contains("failed:     print what came of it: "), "{arguments:?}: {told}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let quiet = program().stdout(writer).output().unwrap();
        let told = String::from_utf8(quiet.stderr).unwrap();
        assert_eq!((quiet.status.code(), told.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
