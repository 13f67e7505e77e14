//! Every system call of an update fails once, or is the last: whatever came of that run, the next
//! start on a sound disk serves a working version with its data, has marked nothing good as bad,
//! and can finish what was interrupted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use newleaf_domain::Digest;
use newleaf_tests::fault::copy::{copy_folder, digest_of};
use newleaf_tests::fault::launched::Life;
use newleaf_tests::fault::strace::{self, CHANGES, Call, End, Fault, Kind, OPENS, READS, WRITES};
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
    /// Runs that are made at a time: as many as keep two cores busy.
    const AT_ONCE: usize;

    fn prepare(self, dir: &Path);
    fn command(self, dir: &Path) -> Command;
    fn check(self, dir: &Path) -> Result<String, String>;

    /// Whether this fault at a call of this kind could leave something that no other point does.
    fn is_of_use(self, fault: Fault, kind: Kind) -> bool;

    /// What the check of a folder depends on; none where it is more than what lies in it.
    fn seen_by_check(self, dir: &Path) -> Option<Digest>;
}

pub(super) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_fault"))
}

pub(super) fn releases() -> &'static Releases {
    static RELEASES: std::sync::OnceLock<Releases> = std::sync::OnceLock::new();
    RELEASES.get_or_init(Releases::new)
}

impl Swept for Story {
    const AT_ONCE: usize = 2;

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

    fn is_of_use(self, fault: Fault, kind: Kind) -> bool {
        fault.is_of_use_at(kind)
    }

    fn seen_by_check(self, dir: &Path) -> Option<Digest> {
        Some(digest_of(dir))
    }
}

impl Swept for Life {
    /// Most of a launcher's life is spent on waiting.
    const AT_ONCE: usize = 4;

    fn prepare(self, dir: &Path) {
        Self::prepare(self, dir, &program());
    }

    fn command(self, dir: &Path) -> Command {
        Self::command(dir, &program())
    }

    fn check(self, dir: &Path) -> Result<String, String> {
        Self::check(self, dir, &program())
    }

    /// Between two calls of it the workers go on, so no two kills are alike.
    fn is_of_use(self, fault: Fault, kind: Kind) -> bool {
        let kind = if kind == Kind::After { Kind::Other } else { kind };
        fault.is_of_use_at(kind)
    }

    /// What the workers were told is not in the folder.
    fn seen_by_check(self, _dir: &Path) -> Option<Digest> {
        None
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
            let all = all.iter().filter(|call| story.is_of_use(fault, call.kind));
            points.extend(all.map(|call| Point { story: *story, calls, fault, nth: call.nth }));
        }
    }
    let all = points.len();
    if Tier::current() < Tier::All {
        points = seed.some_of(points, some);
    }
    let tried = points.len();
    let Outcomes { came, failed, checked } = tried_all(folder.path(), &points);
    let (seconds, started) = (began.elapsed().as_secs(), checked.len());
    println!("{tried} of {all} points in {seconds} s: {came:?}; {}", seed.told());
    if started > 0 {
        println!("{started} folders were left that differ");
    }
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

/// What came of points.
#[derive(Debug, Default)]
struct Outcomes {
    /// What was found at the next start, counted.
    came: BTreeMap<String, usize>,
    failed: Vec<String>,
    /// What the folders came to that were started on, each once.
    checked: BTreeMap<(String, Digest), Result<String, String>>,
}

/// Tries the points, some at a time.
fn tried_all<S: Swept>(folder: &Path, points: &[Point<S>]) -> Outcomes {
    let outcomes = Mutex::new(Outcomes::default());
    let next = AtomicUsize::new(0);
    let work = |worker: usize| {
        while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
            let dir = folder.join(format!("run-{worker}"));
            let found = tried(folder, &dir, point, &outcomes);
            std::fs::remove_dir_all(&dir).unwrap();
            let Point { story, fault, nth, calls } = point;
            let mut outcomes = outcomes.lock().unwrap();
            match found {
                Ok(found) => {
                    *outcomes.came.entry(format!("{story:?} on {found}")).or_default() += 1;
                }
                Err(why) => {
                    let kind = calls.split(',').take(4).collect::<Vec<_>>().join(",");
                    let told = format!("{story:?}, {fault} at call {nth} of {kind},…: {why}");
                    outcomes.failed.push(told.replace('\n', " "));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for worker in 0..S::AT_ONCE {
            scope.spawn(move || work(worker));
        }
    });
    outcomes.into_inner().unwrap()
}

/// Runs into the fault, then starts on what it left. A folder that is to the byte like one that was
/// started on already comes to the same, and is not started on again.
fn tried<S: Swept>(
    folder: &Path,
    dir: &Path,
    point: &Point<S>,
    outcomes: &Mutex<Outcomes>,
) -> Result<String, String> {
    let story = point.story;
    copy_folder(&folder.join(format!("{story:?}")), dir);
    if strace::run_with(point.fault, point.calls, point.nth, &story.command(dir)) == End::NeverCame
    {
        return Err("it never ended".to_owned());
    }
    let Some(seen) = story.seen_by_check(dir) else { return story.check(dir) };
    let key = (format!("{story:?}"), seen);
    if let Some(known) = outcomes.lock().unwrap().checked.get(&key) {
        return known.clone();
    }
    let found = story.check(dir);
    outcomes.lock().unwrap().checked.insert(key, found.clone());
    found
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
