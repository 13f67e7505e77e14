//! Every system call of an update fails once, or is the last: whatever came of that run, the next
//! start on a sound disk serves a working version with its data, has marked nothing good as bad,
//! and can finish what was interrupted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use newleaf_tests::fault::launched::Life;
use newleaf_tests::fault::strace::{self, CHANGES, Call, End, Fault, OPENS, READS, WRITES};
use newleaf_tests::fault::{Releases, Story, in_one_thread};
use newleaf_tests::process::find_program;
use newleaf_tests::seed::Seed;
use newleaf_tests::skip::{self, Tier};

/// What befalls which calls of an update.
const OF_AN_UPDATE: [(&str, Fault); 9] = [
    (CHANGES, Fault::Kill),
    (WRITES, Fault::Error("EIO")),
    (WRITES, Fault::Error("ENOSPC")),
    (WRITES, Fault::Error("EROFS")),
    (READS, Fault::Error("EIO")),
    (OPENS, Fault::Error("EMFILE")),
    (OPENS, Fault::Error("ENOSPC")),
    // The disk fills up, or is mounted anew to be read only, while the update is under way.
    (WRITES, Fault::Since("ENOSPC")),
    (WRITES, Fault::Since("EROFS")),
];

/// What befalls which calls of a launcher. It lives on where the disk refuses for ever, so no call
/// of it fails for good.
const OF_A_LAUNCHER: [(&str, Fault); 6] = [
    (CHANGES, Fault::Kill),
    (CHANGES, Fault::Error("EIO")),
    (CHANGES, Fault::Error("ENOSPC")),
    (CHANGES, Fault::Error("EROFS")),
    (READS, Fault::Error("EIO")),
    (OPENS, Fault::Error("EMFILE")),
];

/// One run: this fault at this call of this story.
#[derive(Debug, Clone)]
struct Point<S> {
    story: S,
    calls: &'static str,
    fault: Fault,
    nth: u64,
}

/// What is swept: machines of one kind, and what must be true of them.
pub(super) trait Swept: Copy + std::fmt::Debug + Send + Sync {
    fn prepare(self, dir: &Path);
    fn command(self, dir: &Path) -> Command;
    fn check(self, dir: &Path) -> Result<String, String>;
}

pub(super) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_fault"))
}

pub(super) fn releases() -> &'static Releases {
    static RELEASES: std::sync::OnceLock<Releases> = std::sync::OnceLock::new();
    RELEASES.get_or_init(Releases::new)
}

impl Swept for Story {
    fn prepare(self, dir: &Path) {
        in_one_thread(Self::prepare(self, dir, releases()));
    }

    fn command(self, dir: &Path) -> Command {
        let mut command = Command::new(program());
        command.args(["play", self.name()]).arg(dir);
        command
    }

    fn check(self, dir: &Path) -> Result<String, String> {
        in_one_thread(Self::check(self, dir, releases()))
    }
}

impl Swept for Life {
    fn prepare(self, dir: &Path) {
        Self::prepare(self, dir, &program());
    }

    fn command(self, dir: &Path) -> Command {
        Self::command(dir, &program())
    }

    fn check(self, dir: &Path) -> Result<String, String> {
        Self::check(self, dir, &program())
    }
}

/// A folder in memory, where there is one: nothing here hangs on the disk below.
pub(super) fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("newleaf-fault-").tempdir_in(place).unwrap()
}

/// Whether the machine has what this needs; says so where not.
pub(super) fn can_run(test: &str) -> bool {
    if !skip::system_tier(test) {
        return false;
    }
    let found = find_program(&["strace"]).is_some();
    if !found {
        skip::skipped(test, "strace");
    }
    found
}

/// Every point of `stories`, or `some` of them by chance where not all are asked for.
fn sweep<S: Swept>(stories: &[S], faults: &[(&'static str, Fault)], some: usize) {
    let (began, mut seed) = (Instant::now(), Seed::of_this_run());
    let folder = fast_folder();
    let mut points = Vec::new();
    for story in stories {
        let template = folder.path().join(format!("{story:?}"));
        story.prepare(&template);
        let mut counts = BTreeMap::new();
        for &(calls, fault) in faults {
            let all = counts.entry(calls).or_insert_with(|| counted(*story, &template, calls));
            let all = all.iter().filter(|call| fault.is_of_use_at(call.kind));
            points.extend(all.map(|call| Point { story: *story, calls, fault, nth: call.nth }));
        }
    }
    let all = points.len();
    if Tier::current() < Tier::All {
        points = seed.some_of(points, some);
    }
    let tried = points.len();
    let (came, failed) = tried_all(folder.path(), &points);
    let seconds = began.elapsed().as_secs();
    println!("{tried} of {all} points in {seconds} s: {came:?}; {}", seed.told());
    let failed = failed.join("\n");
    assert!(failed.is_empty(), "{} of {tried} came up wrong:\n{failed}", failed.lines().count());
}

/// The calls of a story that nothing befalls.
fn counted<S: Swept>(story: S, template: &Path, calls: &str) -> Vec<Call> {
    let dir = template.with_extension("counted");
    copy_folder(template, &dir);
    let made = strace::count(calls, &template.with_extension("log"), &story.command(&dir));
    story.check(&dir).unwrap_or_else(|why| panic!("{story:?} undisturbed: {why}"));
    std::fs::remove_dir_all(&dir).unwrap();
    made
}

/// Tries the points on two threads; gives what was found at the next start, counted, and failures.
fn tried_all<S: Swept>(
    folder: &Path,
    points: &[Point<S>],
) -> (BTreeMap<String, usize>, Vec<String>) {
    let (came, failed) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    let next = AtomicUsize::new(0);
    let work = |worker: usize| {
        while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            let dir = folder.join(format!("run-{worker}"));
            match tried(folder, &dir, point) {
                Ok(found) => {
                    let found = format!("{:?} on {found}", point.story);
                    *came.lock().unwrap().entry(found).or_default() += 1;
                }
                Err(why) => {
                    let Point { story, fault, nth, calls } = point;
                    let kind = calls.split(',').take(4).collect::<Vec<_>>().join(",");
                    let told = format!("{story:?}, {fault} at call {nth} of {kind},…: {why}");
                    failed.lock().unwrap().push(told.replace('\n', " "));
                }
            }
            std::fs::remove_dir_all(&dir).unwrap();
        }
    };
    std::thread::scope(|scope| {
        for worker in 0..2 {
            scope.spawn(move || work(worker));
        }
    });
    (came.into_inner().unwrap(), failed.into_inner().unwrap())
}

fn tried<S: Swept>(folder: &Path, dir: &Path, point: &Point<S>) -> Result<String, String> {
    copy_folder(&folder.join(format!("{:?}", point.story)), dir);
    let command = point.story.command(dir);
    match strace::run_with(point.fault, point.calls, point.nth, &command) {
        End::Came => point.story.check(dir),
        End::NeverCame => Err("it never ended".to_owned()),
    }
}

pub(super) fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

#[test]
fn an_update_on_a_disk_that_fails_at_any_system_call_can_be_finished() {
    if can_run("an_update_on_a_disk_that_fails_at_any_system_call_can_be_finished") {
        sweep(&Story::ALL, &OF_AN_UPDATE, 300);
    }
}

#[test]
fn a_launcher_on_a_disk_that_fails_at_any_system_call_comes_up_again() {
    if can_run("a_launcher_on_a_disk_that_fails_at_any_system_call_comes_up_again") {
        sweep(&Life::ALL, &OF_A_LAUNCHER, 120);
    }
}
