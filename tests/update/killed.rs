//! Promise 2: killed at any record of the journal, a host comes up on a working version with its
//! data, and history says what became of the update.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use newleaf_domain::Target;
use newleaf_launcher::journal::StepId;
use newleaf_tests::process::Ran;
use newleaf_tests::test_point::TestPoint;
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Worker,
    Launcher,
}

/// A stopped host to copy from, and its registry.
pub(super) struct Prepared {
    pub(super) world: World,
    pub(super) template: PathBuf,
    pub(super) program: PathBuf,
    pub(super) settings: HostSettings,
}

/// What one kill led to.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fate {
    victim: &'static str,
    record: String,
    ending: String,
    version: String,
}

pub(super) fn prepare() -> Prepared {
    let settings = HostSettings {
        probation: 0.4,
        core_probation: 0.4,
        linger: 0.2,
        ..HostSettings::default()
    };
    let (world, host) = World::with_host(settings);
    host.add_note("kept", "one, two");
    assert_eq!(host.post_json("/board", r#"{"text":"kept"}"#).status, 201);
    world.registry.publish_app("plugins/notes");
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["check"]).assert_code(0);
    let (template, program) = (host.dir.clone(), host.program().to_owned());
    host.process.stop();
    Prepared { world, template, program, settings }
}

/// Where an update is cut off: at so many-th record of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    record: String,
    nth: usize,
}

/// Kills each victim at each record of an update of `target`, two hosts at a time, and returns the
/// fates.
fn killed_at_each_record(target: &str, versions: [&str; 2]) -> Vec<Fate> {
    let prepared = prepare();
    let (places, took) = undisturbed(&prepared, target);
    every_step_is_among(&Target::parse(target).unwrap(), &places);
    let (began, count) = (Instant::now(), 2 * places.len());
    let kills = [Victim::Worker, Victim::Launcher].into_iter();
    let kills = kills.flat_map(|victim| places.iter().map(move |place| (victim, place)));
    let (left, fates) = (Mutex::new(kills.enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some((number, (victim, place))) = next else { return };
                    let dir = prepared.world.path(&format!("killed-{number}"));
                    let fate = kill_at(&prepared, &dir, target, victim, place);
                    assert!(versions.contains(&fate.version.as_str()), "{fate:?}");
                    fates.lock().unwrap().push(fate);
                    std::fs::remove_dir_all(&dir).unwrap();
                }
            });
        }
    });
    let mut fates = fates.into_inner().unwrap();
    fates.sort();
    for fate in &fates {
        println!("{} killed at {}: {} on {}", fate.victim, fate.record, fate.ending, fate.version);
    }
    println!(
        "{count} kills in {} s; an update that nobody disturbs takes {:.1} s",
        began.elapsed().as_secs(),
        took.as_secs_f32()
    );
    fates
}

/// The records of an update that nobody disturbs, and how long it takes.
fn undisturbed(prepared: &Prepared, target: &str) -> (Vec<Place>, Duration) {
    let dir = prepared.world.path("undisturbed");
    let host = start(prepared, &dir, None);
    let (before, began) = (host.journal().len(), Instant::now());
    host.run(&["update", target, "--yes", "--accept-permissions"]).assert_code(0);
    let took = began.elapsed();
    let records = &host.journal()[before..];
    let update = &records.iter().find(|record| record["kind"] == "began").unwrap()["update"];
    let of_it = records.iter().filter(|record| record["update"] == *update);
    let mut places = Vec::<Place>::new();
    for record in of_it.filter(|record| record["kind"] != "notice").map(named) {
        let nth = places.iter().filter(|place| place.record == record).count() + 1;
        places.push(Place { record, nth });
    }
    drop(host);
    std::fs::remove_dir_all(&dir).unwrap();
    (places, took)
}

/// A step that is new is cut off at its beginning and at its end, and one without records is told.
fn every_step_is_among(target: &Target, places: &[Place]) {
    let steps = StepId::of(target).iter();
    let steps = steps.flat_map(|step| ["started", "finished"].map(|kind| format!("{kind} {step}")));
    let expected = [vec!["began".to_owned()], steps.collect(), vec!["ended".to_owned()]].concat();
    let found = places.iter().map(|place| place.record.clone()).collect::<Vec<_>>();
    assert_eq!(found, expected, "what is recorded is not the list of steps");
}

/// A host that is a copy of the prepared one.
pub(super) fn start(prepared: &Prepared, dir: &Path, test_point: Option<OwnedFd>) -> Host {
    copy_host(&prepared.template, dir);
    prepared.settings.new_ports(dir);
    Host::serve_with(dir, &prepared.program, test_point)
}

/// One run: copies the host, begins the update, and kills at this place.
fn kill_at(prepared: &Prepared, dir: &Path, target: &str, victim: Victim, place: &Place) -> Fate {
    let (point, inherited) = TestPoint::pair();
    let host = start(prepared, dir, Some(inherited));
    let before = host.journal().len();
    let mut update = host.spawn(&["update", target, "--yes", "--accept-permissions"]);
    let is_there = || {
        let records = host.journal();
        let records = records[before..].iter().filter(|record| named(record) == place.record);
        records.count() == place.nth
    };
    while let Some(_seq) = point.next_record() {
        if is_there() {
            break;
        }
        let over = host.journal().last().is_some_and(|record| record["kind"] == "ended");
        assert!(!over, "it ended before {place:?}");
        point.go_on();
    }
    match victim {
        Victim::Worker => host.kill_worker(),
        Victim::Launcher => host.process.signal(rustix::process::Signal::KILL),
    }
    drop(point);
    update.kill_group();
    let host = match victim {
        Victim::Worker => host,
        Victim::Launcher => restart(host),
    };
    look(&host, target, victim, place.record.clone())
}

/// Starts the host again after its launcher was killed; orphaned workers end by themselves.
pub(super) fn restart(mut host: Host) -> Host {
    host.process.wait(Duration::from_secs(10));
    let (dir, program) = (host.dir.clone(), host.program().to_owned());
    let again = Host::serve(&dir, &program);
    drop(host);
    again
}

/// Waits until the update is over, then looks at what serves and at the data.
fn look(host: &Host, target: &str, victim: Victim, record: String) -> Fate {
    let history = host.history_when_over();
    let board = host.get("/board.json");
    assert_eq!(board.status, 200, "killed at {record}: core does not serve: {}", board.body);
    assert!(board.body.contains("kept"), "killed at {record}: a notice is gone: {}", board.body);
    assert_eq!(host.count_notes("kept"), 1, "killed at {record}: a note is gone");
    let version = if target == "core" { host.core_version() } else { host.app_version(target) };
    let ending = history[0]["ending"].as_str().unwrap().to_owned();
    let victim = if victim == Victim::Worker { "worker" } else { "launcher" };
    let updated = ending == "committed";
    assert_eq!(updated, version == history[0]["to"], "history and what serves differ: {history:#}");
    Fate { victim, record, ending, version }
}

fn named(record: &serde_json::Value) -> String {
    let step = record["step"].as_str().unwrap_or_default();
    format!("{} {step}", record["kind"].as_str().unwrap()).trim_end().to_owned()
}

/// Makes `to` a copy of a host that is stopped. What lies in a slot never changes, so the copy has
/// the same files there; everything else is its own.
pub(super) fn copy_host(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let how = if entry.file_name() == "slots" { "-al" } else { "-a" };
        Ran::ok(Command::new("cp").arg(how).arg(entry.path()).arg(to));
    }
}

/// Both ends were reached: some runs undone, some finished.
fn both_ways(fates: &[Fate]) {
    let finished = fates.iter().filter(|fate| fate.ending == "committed").count();
    println!("{} kills: {finished} finished, {} undone", fates.len(), fates.len() - finished);
    assert!(finished > 0 && finished < fates.len(), "{fates:#?}");
}

#[test]
fn a_launcher_killed_while_a_new_core_hangs_comes_up_again() {
    // It hangs in its trial alone.
    let settings = HostSettings { ready_within: 60.0, rehearsal: "off", ..HostSettings::default() };
    let (world, host) = World::with_host(settings);
    world.registry.publish_core(CoreRelease::Hangs);
    let mut update = host.spawn(&["update", "core", "--yes"]);
    update.wait_for_line("Extend the database", Duration::from_mins(1));
    while host.workers().len() < 2 {
        std::thread::yield_now();
    }
    host.process.signal(rustix::process::Signal::KILL);
    update.kill_group();
    let host = restart(host);
    assert_eq!(host.get("/board.json").status, 200);
    assert_eq!(host.core_version(), "1.0.0");
}

#[test]
fn core_killed_at_each_record_comes_up_on_a_working_version() {
    both_ways(&killed_at_each_record("core", ["1.0.0", "1.1.0"]));
}

#[test]
fn an_app_killed_at_each_record_comes_up_on_a_working_version() {
    both_ways(&killed_at_each_record("acme/notes", ["1.0.0", "2.0.0"]));
}
