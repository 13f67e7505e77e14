//! The power goes while `newleaf.db` is copied and extended: the database is sound, no write that
//! people were told is done is lost, and the state never relies on what the disk has not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use newleaf_tests::fault::copy::copy_folder;
use newleaf_tests::fault::growth;
use newleaf_tests::fault::power::{self, Disk, Tree};
use newleaf_tests::fault::trace::{self, Op};
use newleaf_tests::seed::Seed;
use newleaf_tests::skip::Tier;

use super::sweep::{can_run, fast_folder, program};

/// Of so many trees the tier `--system` tries one.
const ONE_OF: usize = 8;

/// Trees that are kept in memory at a time.
const BATCH: usize = 128;

/// The log of a host: written and never waited for, and nothing is read from it.
const LOG: &str = "host.log";

/// What power cuts leave, with the writes that were told to be done by then.
#[derive(Default)]
struct Cuts {
    known: BTreeSet<(newleaf_domain::Digest, usize)>,
    tried: usize,
    came: BTreeMap<String, usize>,
    bad: Vec<String>,
}

/// The update as it was traced once, undisturbed.
fn traced(folder: &Path) -> Vec<Op> {
    let (before, dir) = (folder.join("before"), folder.join("traced"));
    growth::prepare(&before);
    copy_folder(&before, &dir);
    let mut command = Command::new(program());
    command.arg("grow").arg(&dir);
    let ops = trace::record(&command, &dir, &before, &folder.join("log"));
    let told = ops.iter().filter(|op| tells(op)).count();
    assert_eq!(growth::check(&dir, told), Ok("on trial".to_owned()), "undisturbed");
    ops
}

fn tells(op: &Op) -> bool {
    matches!(op, Op::Write { path, .. } if path == Path::new(growth::TOLD))
}

/// Cuts the power after each change; `counts` says which of them the disk takes at all.
fn cut(folder: &Path, ops: &[Op], seed: &mut Seed, counts: impl Fn(&Op) -> bool) -> Cuts {
    let one_of = if Tier::current() < Tier::All { ONE_OF } else { 1 };
    let mut disk = Disk::of(&folder.join("before"));
    let (mut cuts, mut batch, mut told) = (Cuts::default(), Vec::new(), 0);
    let is_note = |op: &Op| op.path() == Path::new(growth::TOLD) || op.path() == Path::new(LOG);
    for op in ops.iter().filter(|op| counts(op)) {
        told += usize::from(tells(op));
        if !is_note(op) {
            disk.take(op);
        }
        for tree in disk.left_by_power_cut(seed) {
            let is_new = cuts.known.insert((power::digest_of(&tree), told));
            if is_new && seed.below(one_of) == 0 {
                batch.push((tree, told));
            }
        }
        if batch.len() >= BATCH {
            cuts.start_on(folder, std::mem::take(&mut batch));
        }
    }
    cuts.start_on(folder, batch);
    cuts
}

impl Cuts {
    /// Starts on each tree.
    fn start_on(&mut self, folder: &Path, batch: Vec<(Tree, usize)>) {
        self.tried += batch.len();
        let (left, found) = (Mutex::new(batch.into_iter()), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for worker in 0..2 {
                let (left, found, dir) = (&left, &found, folder.join(format!("cut-{worker}")));
                scope.spawn(move || {
                    loop {
                        let next = left.lock().unwrap().next();
                        let Some((tree, told)) = next else { return };
                        power::build(&tree, &dir);
                        let came = growth::check(&dir, told);
                        found.lock().unwrap().push((told, came));
                        std::fs::remove_dir_all(&dir).unwrap();
                    }
                });
            }
        });
        for (told, came) in found.into_inner().unwrap() {
            match came {
                Ok(came) => *self.came.entry(came).or_default() += 1,
                Err(why) => self.bad.push(format!("after {told} writes: {why}")),
            }
        }
    }
}

#[test]
fn a_power_cut_while_core_is_updated_loses_no_row_that_people_were_told_of() {
    if !can_run("a_power_cut_while_core_is_updated_loses_no_row_that_people_were_told_of") {
        return;
    }
    let (began, mut seed, folder) = (Instant::now(), Seed::of_this_run(), fast_folder());
    let ops = traced(folder.path());
    let cuts = cut(folder.path(), &ops, &mut seed, |_| true);
    let (all, seconds) = (cuts.known.len(), began.elapsed().as_secs());
    println!(
        "{} changes, {all} trees, {} tried in {seconds} s: {:?}, {} bad; {}",
        ops.len(),
        cuts.tried,
        cuts.came,
        cuts.bad.len(),
        seed.told()
    );
    assert!(cuts.bad.is_empty(), "{}", cuts.bad.join("\n"));
}

#[test]
fn a_log_of_the_database_that_is_not_synced_would_be_found_out_by_a_power_cut() {
    if !can_run("a_log_of_the_database_that_is_not_synced_would_be_found_out_by_a_power_cut") {
        return;
    }
    let (mut seed, folder) = (Seed::of_this_run(), fast_folder());
    let ops = traced(folder.path());
    let is_kept = |op: &Op| !matches!(op, Op::Sync { path } if path == Path::new("newleaf.db-wal"));
    assert!(ops.iter().any(|op| !is_kept(op)), "the database is not written so any more");
    let cuts = cut(folder.path(), &ops, &mut seed, is_kept);
    println!("without the sync of the log: {} of {} bad", cuts.bad.len(), cuts.tried);
    assert!(!cuts.bad.is_empty(), "nothing bad among {} trees; {}", cuts.tried, seed.told());
}
