//! The whole product at instants that nobody chose: a worker, the launcher or both are killed while
//! an update is under way and people write. Each time the host comes up with every write that it
//! acknowledged, and the update can be finished.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use newleaf_tests::seed::Seed;
use newleaf_tests::skip::{self, Tier};
use newleaf_tests::world::Host;

use crate::killed::{Prepared, prepare, restart, start};

/// How many points each tier tries.
const POINTS: [(Tier, usize); 2] = [(Tier::System, 8), (Tier::All, 100)];

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Worker,
    Launcher,
    Both,
}

/// One instant of one update.
#[derive(Debug)]
struct Point {
    update: (&'static str, [&'static str; 2]),
    victim: Victim,
    /// How long the update takes.
    took: Duration,
    /// How much of that is over, from 0 to 1.
    share: f64,
}

/// What is updated, from one version to the next.
const UPDATES: [(&str, [&str; 2]); 2] =
    [("core", ["1.0.0", "1.1.0"]), ("acme/notes", ["1.0.0", "2.0.0"])];

/// Notices written in the time of an update; the board shows no more than 50.
const NOTICES: u32 = 40;

/// A little load, and the writes that were acknowledged.
#[derive(Default)]
struct Visitor {
    is_over: AtomicBool,
    acknowledged: Mutex<Vec<String>>,
}

impl Visitor {
    /// Reads the board without a pause and writes a notice now and then, until it is over. One that
    /// is refused, or whose connection breaks, was not acknowledged.
    fn visit(&self, host: &Host, took: Duration) {
        let (began, mut written) = (Instant::now(), 0);
        while !self.is_over.load(Ordering::SeqCst) {
            if began.elapsed() < took * written / NOTICES {
                // Whether anybody is there to answer is not asked here.
                let _read = host.try_request("GET", "/board.json", None);
                continue;
            }
            let text = format!("written {written}");
            let body = serde_json::json!({ "text": text }).to_string();
            written += 1;
            let answer = host.try_request("POST", "/board", Some(&body));
            if answer.is_ok_and(|answer| answer.status == 201) {
                self.acknowledged.lock().unwrap().push(text);
            }
        }
    }
}

/// How long an update takes that nobody disturbs, with its load.
fn undisturbed(prepared: &Prepared, target: &str) -> Duration {
    let dir = prepared.world.path("undisturbed");
    let host = start(prepared, &dir, None);
    let began = Instant::now();
    host.run(&["update", target, "--yes", "--accept-permissions"]).assert_code(0);
    let took = began.elapsed();
    drop(host);
    std::fs::remove_dir_all(&dir).unwrap();
    took
}

/// Kills at this point; gives the version that came up.
fn killed_at(prepared: &Prepared, point: &Point, seed: &mut Seed) -> String {
    let Point { update: (target, [before, next]), victim, took, share } = *point;
    let dir = prepared.world.path("random");
    let host = start(prepared, &dir, None);
    let visitor = Visitor::default();
    std::thread::scope(|scope| {
        scope.spawn(|| visitor.visit(&host, took));
        let _update = host.spawn(&["update", target, "--yes", "--accept-permissions"]);
        // The instant itself is what is tried here; nothing is waited for.
        std::thread::sleep(took.mul_f64(share));
        kill(&host, victim, seed);
        visitor.is_over.store(true, Ordering::SeqCst);
    });
    let host = if victim == Victim::Worker { host } else { restart(host) };
    host.history_when_over();
    let version = || if target == "core" { host.core_version() } else { host.app_version(target) };
    let found = version();
    assert!([before, next].contains(&found.as_str()), "{found} serves");
    let board = host.get("/board.json");
    assert_eq!(board.status, 200, "{}", board.body);
    for text in visitor.acknowledged.lock().unwrap().iter() {
        assert!(board.body.contains(&format!("\"{text}\"")), "{text:?} is gone: {}", board.body);
    }
    assert_eq!(host.count_notes("kept"), 1, "a note is gone");
    if found != next {
        host.run(&["update", target, "--yes", "--accept-permissions"]).assert_code(0);
    }
    assert_eq!(version(), next, "the update is not finished");
    drop(host);
    std::fs::remove_dir_all(&dir).unwrap();
    found
}

fn kill(host: &Host, victim: Victim, seed: &mut Seed) {
    use rustix::process::{Pid, Signal, kill_process};
    let workers = host.workers();
    if victim != Victim::Worker {
        host.process.signal(Signal::KILL);
    }
    if victim != Victim::Launcher {
        let worker = workers.get(seed.below(workers.len())).copied();
        // A worker that has just ended by itself is what is wanted, too.
        let _gone = worker.and_then(Pid::from_raw).map(|pid| kill_process(pid, Signal::KILL));
    }
}

#[test]
fn a_host_killed_at_a_random_instant_comes_up_with_its_data() {
    if !skip::system_tier("a_host_killed_at_a_random_instant_comes_up_with_its_data") {
        return;
    }
    let mut seed = Seed::of_this_run();
    println!("{}", seed.told());
    let points =
        POINTS.iter().rev().find(|(tier, _)| Tier::current() >= *tier).map_or(0, |it| it.1);
    let prepared = prepare();
    let took = UPDATES.map(|(target, _)| undisturbed(&prepared, target));
    let mut found = std::collections::BTreeMap::<_, usize>::new();
    for number in 1..=points {
        let chosen = seed.below(UPDATES.len());
        let victim = [Victim::Worker, Victim::Launcher, Victim::Both][seed.below(3)];
        let share = f64::from(u32::try_from(seed.below(1000)).unwrap()) / 1000.0;
        let point = Point { update: UPDATES[chosen], victim, took: took[chosen], share };
        println!("{number}: {point:?}");
        let version = killed_at(&prepared, &point, &mut seed);
        *found.entry(format!("{victim:?}, {} on {version}", point.update.0)).or_default() += 1;
    }
    println!("{points} points: {found:#?}; {}", seed.told());
}
