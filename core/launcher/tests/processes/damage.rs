//! Slots and a state that are damaged on disk.

use std::os::unix::fs::PermissionsExt as _;

use newleaf_domain::Digest;
use newleaf_launcher::journal::{Ending, Entry};
use newleaf_launcher::proto::{Answer, Ask};
use newleaf_launcher::state::CoreSlot;

use super::world;
use super::world::World;

/// Stages 1.1.0 so that the state knows its program.
fn known(world: &World) -> CoreSlot {
    let slot = world.stage("1.1.0", "good");
    let program = std::fs::read(world.layout.program(&slot)).unwrap();
    CoreSlot { binary: Some(Digest::of(&program)), ..slot }
}

/// A world that was updated to 1.1.0 and stands still.
fn updated() -> (World, CoreSlot) {
    let world = World::new();
    let slot = known(&world);
    let host = world.start();
    host.update_to(&slot);
    host.wait_for_end();
    assert_eq!(host.version(), "1.1.0");
    host.stop();
    (world, slot)
}

fn damage(world: &World, slot: &CoreSlot) {
    let path = world.layout.program(slot);
    let program = std::fs::read(&path).unwrap();
    std::fs::write(&path, [program, b"# bit rot\n".to_vec()].concat()).unwrap();
}

#[test]
fn a_good_version_that_was_damaged_is_not_run_and_the_one_before_serves() {
    let (world, slot) = updated();
    damage(&world, &slot);
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    host.wait_for(|entry| {
        matches!(entry, Entry::Notice { text } if text.contains("1.0.0 serves in the place of 1.1.0"))
    });
    let state = world.state();
    assert!(state.core.stand_in.unwrap().contains("its program is damaged on disk"));
    assert_eq!(state.core.previous, Some(slot));
    assert!(state.bad.is_empty());
}

#[test]
fn a_good_version_that_the_disk_never_gives_leaves_the_one_before_serving_and_can_be_brought_anew()
{
    let (world, slot) = updated();
    // A process's own memory is read with EIO where nothing is mapped, as a bad sector is.
    let program = world.layout.program(&slot);
    std::fs::remove_file(&program).unwrap();
    std::os::unix::fs::symlink("/proc/self/mem", &program).unwrap();
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    host.wait_for(|entry| {
        let Entry::Notice { text } = entry else { return false };
        text.starts_with("1.0.0 serves in the place of 1.1.0")
            && text.contains("Input/output error")
    });
    let state = world.state();
    assert!(state.core.stand_in.unwrap().contains("Input/output error"));
    assert!(state.bad.is_empty());
    std::fs::remove_file(&program).unwrap();
    assert_eq!(known(&world), slot);
    host.update_to(&slot);
    while host.version() != "1.1.0" {}
}

#[test]
fn a_damaged_slot_is_mended_from_the_launchers_own_program_where_that_is_the_same() {
    let (world, slot) = updated();
    let whole = std::fs::read(world.layout.program(&slot)).unwrap();
    std::fs::write(world.image(), &whole).unwrap();
    damage(&world, &slot);
    let host = world.start();
    assert_eq!(host.version(), "1.1.0");
    assert_eq!(std::fs::read(world.layout.program(&slot)).unwrap(), whole);
    assert_eq!(world.state().core.stand_in, None);
    host.wait_for(
        |entry| matches!(entry, Entry::Notice { text } if text.contains("it was put back from")),
    );
}

#[test]
fn a_program_that_is_put_back_in_its_slot_serves_at_the_next_start_where_nothing_could_stand_in() {
    let (world, slot) = updated();
    let contracted = Ask::Contracted { oldest_reader: slot.schema + 1 };
    let answer = world.stopped().ask(&contracted).unwrap();
    assert!(matches!(answer, Answer::Changed { .. }), "{answer:?}");
    let program = world.layout.program(&slot);
    let whole = std::fs::read(&program).unwrap();
    damage(&world, &slot);
    let host = world.start();
    while host.version() != "recovery" {}
    assert!(host.stop());
    let fresh = program.with_extension("fresh");
    std::fs::write(&fresh, &whole).unwrap();
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&fresh, &program).unwrap();
    let host = world.start();
    assert_eq!(host.version(), "1.1.0");
    let state = world.state();
    assert_eq!((state.core.good.digest, state.bad), (slot.digest, Vec::new()));
}

#[test]
fn a_trial_that_was_damaged_after_it_was_staged_is_never_run() {
    let world = World::new();
    let slot = known(&world);
    damage(&world, &slot);
    let host = world.start();
    host.update_to(&slot);
    host.wait_for_end();
    assert_eq!((host.version(), world.endings()), ("1.0.0".to_owned(), vec![Ending::RolledBack]));
    assert!(world.state().bad.is_empty());
}

#[test]
fn a_torn_state_is_told_loudly_and_what_it_lost_is_named() {
    let world = World::new();
    let mut stopped = world.stopped();
    for ask in world::installs_app() {
        let answer = stopped.ask(&ask).unwrap();
        assert!(!matches!(answer, Answer::Refused { .. }), "{answer:?}");
    }
    drop(stopped);
    std::fs::write(world.layout.state(), b"torn").unwrap();
    let host = world.start();
    host.wait_for(|entry| {
        let Entry::Notice { text } = entry else { return false };
        text.starts_with(newleaf_launcher::loss::FELL_BACK)
            && text.ends_with("newleaf apps install acme/notes --version 2.0.0")
    });
    assert_eq!(host.version(), "1.0.0");
    assert!(host.stop());
    let state = std::fs::read_to_string(world.layout.state()).unwrap();
    assert!(state.contains("\"seq\": 4"), "it is whole again; 2 serves, 3 was lost: {state}");
}

#[test]
fn a_journal_and_a_state_that_cannot_be_read_keep_no_host_down() {
    let world = World::new();
    let host = world.start();
    host.update_to(&world.stage("1.1.0", "good"));
    host.wait_for_end();
    assert!(host.stop());
    for path in [world.layout.journal(), world.layout.state()] {
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
    }
    let host = world.start();
    // What was written before says that 1.1.0 is on trial: it proves itself once more.
    while host.version() != "1.1.0" {}
    host.wait_for(
        |entry| matches!(entry, Entry::Notice { text } if text.contains("was put aside as")),
    );
    host.wait_for(|entry| {
        matches!(entry, Entry::Notice { text } if text.starts_with(newleaf_launcher::loss::FELL_BACK))
    });
}

#[test]
fn a_read_only_filesystem_leaves_the_recovery_page() {
    let test = "a_read_only_filesystem_leaves_the_recovery_page";
    let Some((world, disk)) = World::on_small_disk(test) else { return };
    disk.only_read();
    // A version cannot even open the socket that its probe asks.
    assert_eq!(world.start().version(), "recovery");
}
