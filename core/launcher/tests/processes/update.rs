//! Updates of core with real processes, that go well and that do not.

use newleaf_launcher::journal::{self, Ending, Entry};
use newleaf_launcher::proto::{Answer, Ask};
use newleaf_launcher::state::{CorePhase, Way};

use super::world::fake::GROWS;
use super::world::{Host, World, arm, began, slot, update};

/// Starts 1.0.0, updates to a 1.1.0 that behaves so, waits for the end.
pub(crate) fn updated(world: &World, behaviour: &str) -> Host {
    let slot = world.stage("1.1.0", behaviour);
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    host.update_to(&slot);
    host.wait_for_end();
    host
}

#[test]
fn a_good_version_takes_over_and_is_good() {
    let world = World::new();
    let host = updated(&world, "good");
    assert_eq!(host.version(), "1.1.0");
    let core = world.state().core;
    assert_eq!(
        (core.good, core.previous, core.phase),
        (slot("1.1.0"), Some(slot("1.0.0")), CorePhase::Idle)
    );
    assert!(host.stop(), "a planned stop is no failure");
}

#[test]
fn a_version_that_exits_at_start_is_bad_and_the_old_one_serves() {
    let world = World::new();
    let host = updated(&world, "exits");
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
    assert!(world.state().bad_reason(&slot("1.1.0").digest).unwrap().contains("status 1"));
}

#[test]
fn a_version_that_hangs_before_ready_is_ended() {
    let mut world = World::new();
    world.ready_within = 3_000;
    let host = updated(&world, "hangs");
    assert_eq!(host.version(), "1.0.0");
    assert!(world.state().bad_reason(&slot("1.1.0").digest).unwrap().contains("not ready within"));
}

#[test]
fn a_version_that_fails_its_probe_never_answers_the_public() {
    let world = World::new();
    let host = updated(&world, "sick");
    assert_eq!(host.version(), "1.0.0");
    assert!(world.state().bad_reason(&slot("1.1.0").digest).unwrap().contains("not healthy: sick"));
}

#[test]
fn a_version_that_dies_twice_while_watched_is_taken_back() {
    let world = World::new();
    let host = updated(&world, "dies");
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
    assert!(world.state().bad_reason(&slot("1.1.0").digest).is_some());
}

#[test]
fn a_version_that_leaves_once_it_is_ready_is_taken_back() {
    let world = World::new();
    let host = updated(&world, "leaves");
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
}

#[test]
fn a_version_that_is_ready_twice_is_probed_and_good() {
    let world = World::new();
    let host = updated(&world, "repeats");
    assert_eq!(host.version(), "1.1.0");
    assert_eq!(world.endings(), [Ending::Committed]);
}

#[test]
fn a_program_that_cannot_run_here_is_taken_back() {
    let ours = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    // Bytes 18 and 19 of an ELF file name the machine; this one is no longer made.
    let mut foreign = ours[..4096].to_vec();
    foreign[18..20].copy_from_slice(&[0x08, 0x00]);
    let loader = b"#!/no/such/loader\n".to_vec();
    let crashes = b"#!/bin/sh\nkill -SEGV $$\n".to_vec();
    for program in [foreign, ours[..100].to_vec(), Vec::new(), loader, crashes] {
        let world = World::new();
        let slot = world.stage("1.1.0", "good");
        std::fs::write(world.layout.program(&slot), &program).unwrap();
        let host = world.start();
        host.update_to(&slot);
        host.wait_for_end();
        let ended = (host.version(), world.endings());
        assert_eq!(ended, ("1.0.0".to_owned(), vec![Ending::RolledBack]), "{:?}", program.first());
        assert!(world.state().bad_reason(&slot.digest).is_some(), "it is offered again");
    }
}

#[test]
fn a_version_that_says_more_than_the_launcher_knows_is_not_ended() {
    let world = World::new();
    let host = updated(&world, "newer");
    assert_eq!(host.version(), "1.1.0");
    assert_eq!(world.endings(), [Ending::Committed]);
}

#[test]
fn a_full_disk_takes_a_version_back_without_blaming_it() {
    let world = World::new();
    let host = updated(&world, "full");
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
    assert!(world.state().bad.is_empty());
}

#[test]
fn what_a_version_says_of_its_end_stands_in_the_records_in_one_short_line() {
    let world = World::new();
    let host = updated(&world, "confesses");
    assert_eq!(host.version(), "1.0.0");
    let bad = &world.state().bad[0].reason;
    let (how, why) = bad.split_once(": newleaf.db is damaged again ").unwrap();
    assert!(how.contains("exited with status 1 after"), "{bad}");
    assert!(why.ends_with('…') && bad.len() < 700, "{bad}");
    let records = journal::read_from(&world.layout, 1).unwrap();
    let is_told = |entry: &Entry| matches!(entry, Entry::Failed { failure, .. } if failure.what.contains(": newleaf.db is"));
    assert!(records.iter().any(|record| is_told(&record.entry)));
}

#[test]
fn a_version_that_exits_with_settings_that_no_version_can_start_with_is_not_blamed() {
    let world = World::new();
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    // As an edit of the settings would have it: what runs goes on, what starts does not.
    world.stage("1.0.0", "exits");
    host.update_to(&world.stage("1.1.0", "exits"));
    host.wait_for_end();
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
    assert!(world.state().bad.is_empty(), "{:?}", world.state().bad);
}

/// Lays 1.1.0 ready without a host, whose data takes longer to extend than the settings allow, and
/// starts the host.
fn laid_ready(expand_within_ms: Option<u64>) -> (World, Host) {
    let world = World::new();
    let slot = world.stage("1.1.0", "grows");
    let mut stopped = world.stopped();
    stopped.append(Some(update()), began(&slot)).unwrap();
    let Ask::Arm { update, slot, way, .. } = arm(&slot, Way::Forward) else {
        unreachable!("it arms")
    };
    let laid = stopped.ask(&Ask::Arm { update, slot, way, expand_within_ms }).unwrap();
    assert!(matches!(laid, Answer::Changed { .. }));
    drop(stopped);
    let allowed = (GROWS.as_millis() / 10).to_string();
    let host = world.start_told(&[("FAKE_EXPAND_WITHIN", &allowed)]);
    host.wait_for_end();
    (world, host)
}

#[test]
fn data_that_took_long_in_its_rehearsal_gets_the_time_at_the_next_start() {
    let (world, host) = laid_ready(Some(60_000));
    assert_eq!(host.version(), "1.1.0");
    assert_eq!(world.endings(), [Ending::Committed]);
}

#[test]
fn a_machine_that_is_too_slow_to_extend_the_data_in_time_blames_no_version() {
    for too_little in [None, Some(10)] {
        let (world, host) = laid_ready(too_little);
        assert_eq!(host.version(), "1.0.0");
        assert_eq!(world.endings(), [Ending::RolledBack]);
        assert!(world.state().bad.is_empty(), "{:?}", world.state().bad);
    }
}
