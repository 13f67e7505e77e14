//! Disks that fail for real or in one way throughout: one whose room goes, one that never takes what
//! was written, one in surroundings that no program likes.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use newleaf_tests::fault::Story;
use newleaf_tests::fault::copy::copy_folder;
use newleaf_tests::fault::small_disk::SmallDisk;
use newleaf_tests::fault::strace::{self, End, Fault, SYNCS};
use newleaf_tests::seed::Seed;
use newleaf_tests::skip;

use super::sweep::{Swept, can_run, fast_folder, program};

/// Instants at which the room of each story's disk goes.
const INSTANTS: usize = 12;

#[test]
fn an_update_whose_room_goes_in_the_middle_can_be_finished_once_there_is_room() {
    let test = "an_update_whose_room_goes_in_the_middle_can_be_finished_once_there_is_room";
    if !skip::system_tier(test) {
        return;
    }
    let mut seed = Seed::of_this_run();
    let folder = tempfile::tempdir().unwrap();
    let mut ends = BTreeMap::<_, usize>::new();
    for story in [Story::Update, Story::Misfit, Story::Back, Story::Core] {
        let template = folder.path().join(story.name());
        Swept::prepare(story, &template);
        for _ in 0..INSTANTS {
            let mounted = folder.path().join("disk");
            let disk = SmallDisk::mount(&mounted, 32 * 1024);
            let dir = mounted.join("host");
            copy_folder(&template, &dir);
            let mut told = story.command(&dir).spawn().unwrap();
            // The instant itself is what is tried here; nothing is waited for.
            std::thread::sleep(Duration::from_millis(seed.below(120) as u64));
            // So many pages are left: some write ends short, and the next ones fail.
            disk.leave(seed.below(24));
            told.wait().unwrap();
            disk.free();
            let found = Swept::check(story, &dir)
                .unwrap_or_else(|why| panic!("{story:?}, {}: {why}", seed.told()));
            *ends.entry(format!("{story:?} on {found}")).or_default() += 1;
        }
    }
    println!("with room that went: {ends:?}; {}", seed.told());
}

#[test]
fn where_nothing_can_be_synced_nothing_is_taken_for_done() {
    if !can_run("where_nothing_can_be_synced_nothing_is_taken_for_done") {
        return;
    }
    let folder = fast_folder();
    for (story, before) in [
        (Story::Install, "nothing"),
        (Story::Update, "1.0.0"),
        (Story::Back, "2.0.0"),
        (Story::Core, "nothing staged"),
    ] {
        let dir = folder.path().join(story.name());
        Swept::prepare(story, &dir);
        let end = strace::run_with(Fault::Since("EIO"), SYNCS, 1, &story.command(&dir));
        assert_eq!(end, End::Came);
        assert_eq!(Swept::check(story, &dir), Ok(before.to_owned()), "{story:?}");
    }
}

#[test]
fn an_update_needs_no_other_folder_and_no_friendly_umask() {
    let folder = fast_folder();
    for story in Story::ALL {
        let dir = folder.path().join(story.name());
        Swept::prepare(story, &dir);
        let mut command = Command::new("sh");
        command.args(["-c", r#"umask 077; exec "$0" play "$1" "$2""#]);
        command.arg(program()).arg(story.name()).arg(&dir);
        let told = command.env("TMPDIR", "/dev/null").status().unwrap();
        assert!(told.success(), "{story:?}: {told}");
        let expected = match story {
            Story::Install | Story::Misfit | Story::Back | Story::Recovery => "1.0.0",
            Story::Update => "2.0.0",
            Story::Core => "what was staged",
        };
        assert_eq!(Swept::check(story, &dir), Ok(expected.to_owned()), "{story:?}");
    }
}
