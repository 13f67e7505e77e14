//! A launcher gives way to the one of a newer version.

use std::io::{Read as _, Write as _};

use newleaf_domain::Digest;
use newleaf_launcher::journal::{Entry, StepId};
use newleaf_launcher::proto::Answer;

use super::world;
use super::world::{Host, World, slot};

/// Waits until the try is forgotten: the successor has a worker that answers.
fn wait_for_successor(world: &World, host: &Host) {
    // While one program makes room for the next there is nothing to read.
    let program = |pid| std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let is_next =
        |told: &[u8]| told.split(|byte| *byte == 0).any(|line| line == b"FAKE_VERSION=2.0.0");
    while !is_next(&program(host.pid())) || world.state().core.launcher_tries > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn the_launcher_of_a_new_version_takes_over_with_sockets_and_workers_kept() {
    let world = World::new();
    let next = world.stage("2.0.0", "good");
    let host = world.start();
    let (pid, public) = (host.pid(), host.public);
    host.update_to(&next);
    host.wait_for_end();
    let worker = *host.workers().last().unwrap();
    wait_for_successor(&world, &host);
    assert_eq!((host.pid(), host.public, host.version()), (pid, public, "2.0.0".to_owned()));
    assert_eq!(host.worker(), worker, "the worker is another");
    assert!(matches!(host.ask(&world::notice("it still hears")), Answer::Appended { .. }));
    host.crash_worker();
    while host.version() != "2.0.0" {}
    assert!(host.stop(), "the successor ends as any launcher does");
}

/// A host that was updated to 2.0.0, launcher included, and stands still.
fn stopped_with_a_successor() -> World {
    let world = World::new();
    let next = world.stage("2.0.0", "good");
    let host = world.start();
    host.update_to(&next);
    host.wait_for_end();
    wait_for_successor(&world, &host);
    assert!(host.stop());
    world
}

#[test]
fn a_start_hands_over_before_a_worker_is_started_and_an_older_version_is_spoken_to_as_it_knows() {
    let world = stopped_with_a_successor();
    let host = world.start();
    assert_eq!(host.version(), "2.0.0");
    wait_for_successor(&world, &host);
    host.update_back_to(&slot("1.0.0"));
    while host.version() != "1.0.0" {}
    assert_eq!(world.state().core.launcher_tries, 0);
}

/// Waits until no signal to the process waits for one of its threads.
fn wait_until_heard(host: &Host) {
    let status = || std::fs::read_to_string(format!("/proc/{}/status", host.pid())).unwrap();
    while !status().contains("ShdPnd:\t0000000000000000") {
        std::thread::yield_now();
    }
}

#[test]
fn a_host_that_is_told_to_end_while_its_launcher_makes_room_ends() {
    let world = stopped_with_a_successor();
    let (host, mut steps) = world.start_stepped();
    let mut told = [0; 8];
    while world.state().core.launcher_tries == 0 {
        steps.read_exact(&mut told).unwrap();
        if world.state().core.launcher_tries > 0 {
            host.tell_to_end();
            wait_until_heard(&host);
        }
        steps.write_all(&[1]).unwrap();
    }
    let goes_on = std::thread::spawn(move || {
        while steps.read_exact(&mut told).is_ok() && steps.write_all(&[1]).is_ok() {}
    });
    assert!(host.wait(), "it ends as any host that is told to");
    goes_on.join().unwrap();
    assert_eq!(world.state().core.launcher_tries, 0, "that was no try");
}

#[test]
fn a_successor_that_exits_at_start_ends_on_the_old_version_and_is_not_bad() {
    let world = World::new();
    let next = world.stage("2.0.0", "no-launcher");
    let host = world.start();
    host.update_to(&next);
    // It takes over, exits, and its worker ends: a service manager would start the host again.
    assert!(!host.wait(), "the successor exits with status 1");
    assert_eq!(world.state().core.launcher_tries, 1);
    for tries in 2..=4 {
        assert!(!world.start_hidden().wait(), "try {tries}");
        assert_eq!(world.state().core.launcher_tries, tries);
    }
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    host.wait_for(
        |entry| matches!(entry, Entry::Notice { text } if text.contains("in the place of 2.0.0")),
    );
    let state = world.state();
    assert!(state.core.stand_in.as_ref().unwrap().contains("could not take over as launcher"));
    assert!(state.bad.is_empty(), "it had proved itself, and nobody knows what ended its launcher");
}

#[test]
fn a_successor_whose_program_is_missing_leaves_the_old_launcher_and_what_it_serves() {
    let world = World::new();
    let mut next = world.stage("2.0.0", "good");
    next.binary = Some(Digest::of(&std::fs::read(world.layout.program(&next)).unwrap()));
    let host = world.start();
    // It is gone as soon as its worker runs.
    let program = world.layout.program(&next);
    host.update_to(&next);
    host.wait_for(|entry| matches!(entry, Entry::Finished { step: StepId::Probe, .. }));
    std::fs::remove_file(program).unwrap();
    host.wait_for(
        |entry| matches!(entry, Entry::Notice { text } if text.contains("this one stays")),
    );
    assert_eq!(host.version(), "2.0.0", "its worker goes on");
    assert!(host.stop());
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    assert!(world.state().bad.is_empty(), "damage on disk is no evidence");
}
