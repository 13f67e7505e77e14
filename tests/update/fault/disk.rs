//! Disks that fail for real or in one way throughout: a small one, one that never takes what was
//! written, one in surroundings that no program likes.

use std::process::Command;

use newleaf_tests::fault::small_disk::SmallDisk;
use newleaf_tests::fault::strace::{self, End, Fault, SYNCS};
use newleaf_tests::fault::{Story, in_one_thread};
use newleaf_tests::skip;

use super::sweep::{Swept, can_run, copy_folder, fast_folder, program, releases};

/// Tells `story` in `dir` in this process; whether it began does not matter.
fn play(story: Story, dir: &std::path::Path) {
    // Where the disk is full, the machine may well refuse to begin.
    drop(in_one_thread(story.play(dir, releases())));
}

#[test]
fn an_update_on_a_really_small_disk_can_be_finished_once_there_is_room() {
    if !skip::system_tier("an_update_on_a_really_small_disk_can_be_finished_once_there_is_room") {
        return;
    }
    let folder = fast_folder();
    let mut ends = std::collections::BTreeMap::<_, usize>::new();
    for story in [Story::Update, Story::Misfit, Story::Back, Story::Core] {
        let template = folder.path().join(story.name());
        Swept::prepare(story, &template);
        // From no room at all to more than enough: each page is where some write ends short.
        for pages in (0..64).step_by(3) {
            let mounted = folder.path().join("disk");
            let disk = SmallDisk::mount(&mounted, 2048);
            let dir = mounted.join("host");
            copy_folder(&template, &dir);
            disk.leave(pages);
            play(story, &dir);
            disk.free();
            let found = Swept::check(story, &dir)
                .unwrap_or_else(|why| panic!("{story:?} with {pages} pages of room: {why}"));
            *ends.entry(format!("{story:?} on {found}")).or_default() += 1;
        }
    }
    println!("with little room: {ends:?}");
    assert!(ends.contains_key("Update on 1.0.0") && ends.contains_key("Update on 2.0.0"));
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
