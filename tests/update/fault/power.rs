//! The power goes at any instant: whatever the disk had taken by then, the next start serves a
//! working version with its data, and can finish what was interrupted.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use newleaf_tests::fault::copy::copy_folder;
use newleaf_tests::fault::power::{self, Disk, Tree};
use newleaf_tests::fault::trace::{self, Op};
use newleaf_tests::fault::{Story, in_one_thread};
use newleaf_tests::seed::Seed;
use newleaf_tests::skip::Tier;

use super::sweep::{Swept, can_run, fast_folder, releases};

/// Trees of each story that the tier `--system` tries.
const SOME: usize = 100;

/// A story that was told once, undisturbed.
struct Told {
    story: Story,
    before: PathBuf,
    ops: Vec<Op>,
    /// The version that serves after it.
    found: String,
}

fn tell(story: Story, folder: &Path) -> Told {
    let before = folder.join(format!("{story:?}"));
    Swept::prepare(story, &before);
    let dir = before.with_extension("told");
    copy_folder(&before, &dir);
    let ops = trace::record(&story.command(&dir), &dir, &before, &before.with_extension("log"));
    let found = in_one_thread(story.check(&dir, releases())).unwrap();
    Told { story, before, ops, found }
}

/// What power cuts at every instant could leave, each tree once, and those of the last instant.
fn all_trees(told: &Told, seed: &mut Seed, counts: impl Fn(&Op) -> bool) -> [Vec<Tree>; 2] {
    let mut disk = Disk::of(&told.before);
    let (mut known, mut trees) = (BTreeSet::new(), Vec::new());
    for op in told.ops.iter().filter(|op| counts(op)) {
        disk.take(op);
        for tree in disk.left_by_power_cut(seed) {
            if known.insert(power::digest_of(&tree)) {
                trees.push(tree);
            }
        }
    }
    [trees, disk.left_by_power_cut(seed)]
}

/// Starts on each tree; gives what is wrong with those that did not come up.
fn bad_among(folder: &Path, story: Story, trees: &[Tree], found: Option<&str>) -> Vec<String> {
    let (bad, next) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (bad, next) = (&bad, &next);
            let dir = folder.join(format!("{story:?}-{worker}"));
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(tree) = trees.get(number) else { return };
                    power::build(tree, &dir);
                    let came = in_one_thread(story.check(&dir, releases()));
                    let as_expected = |came: &String| found.is_none_or(|found| found == came);
                    match came {
                        Ok(came) if as_expected(&came) => {}
                        other => bad.lock().unwrap().push(format!("{story:?} {number}: {other:?}")),
                    }
                    std::fs::remove_dir_all(&dir).unwrap();
                }
            });
        }
    });
    bad.into_inner().unwrap()
}

#[test]
fn a_power_cut_at_any_instant_leaves_a_machine_that_goes_on() {
    if !can_run("a_power_cut_at_any_instant_leaves_a_machine_that_goes_on") {
        return;
    }
    let (began, mut seed) = (Instant::now(), Seed::of_this_run());
    let folder = fast_folder();
    let mut bad = Vec::new();
    for story in Story::ALL {
        let told = tell(story, folder.path());
        let [mut trees, last] = all_trees(&told, &mut seed, |_| true);
        let all = trees.len();
        if Tier::current() < Tier::All {
            trees = seed.some_of(trees, SOME);
        }
        let found = bad_among(folder.path(), story, &trees, None);
        // What was told as done stays done.
        let lost = bad_among(folder.path(), story, &last, Some(&told.found));
        println!(
            "{story:?}: {} changes, {all} trees, {} tried, {} bad; {} after its end, {} lost",
            told.ops.len(),
            trees.len(),
            found.len(),
            last.len(),
            lost.len()
        );
        bad.extend(found.into_iter().chain(lost));
    }
    println!("in {} s; {}", began.elapsed().as_secs(), seed.told());
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn a_state_file_that_is_not_synced_would_be_found_out_by_a_power_cut() {
    if !can_run("a_state_file_that_is_not_synced_would_be_found_out_by_a_power_cut") {
        return;
    }
    let mut seed = Seed::of_this_run();
    let folder = fast_folder();
    let told = tell(Story::Update, folder.path());
    let is_kept = |op: &Op| !matches!(op, Op::Sync { path } if path == Path::new("state.tmp"));
    assert!(told.ops.iter().any(|op| !is_kept(op)), "the state is not written so any more");
    let [trees, _] = all_trees(&told, &mut seed, is_kept);
    let trees = seed.some_of(trees, SOME);
    let bad = bad_among(folder.path(), told.story, &trees, None);
    println!("without the sync of the state: {} of {} bad", bad.len(), trees.len());
    assert!(!bad.is_empty(), "nothing bad among {} trees; {}", trees.len(), seed.told());
}
