//! Promise 2: killed at any record of the journal, a host comes up on a working version with its
//! data, and history says what became of the update.

use std::path::{Path, PathBuf};

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
    record: String,
    victim: &'static str,
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

/// Kills `victim` at each record of an update of `target` in turn and returns the fates.
fn killed_at_each_record(target: &str, versions: [&str; 2]) -> Vec<Fate> {
    let prepared = prepare();
    let mut fates = Vec::new();
    for victim in [Victim::Worker, Victim::Launcher] {
        for nth in 1.. {
            let dir = prepared.world.path(&format!("{victim:?}-{nth}"));
            let Some(fate) = kill_at(&prepared, &dir, target, victim, nth) else { break };
            assert!(versions.contains(&fate.version.as_str()), "{fate:?}");
            fates.push(fate);
            std::fs::remove_dir_all(&dir).unwrap();
        }
    }
    for fate in &fates {
        println!("{} killed at {}: {} on {}", fate.victim, fate.record, fate.ending, fate.version);
    }
    fates
}

/// One run: copies the host, begins the update, kills at its `nth` record. None where the update
/// ended with fewer records.
fn kill_at(
    prepared: &Prepared,
    dir: &Path,
    target: &str,
    victim: Victim,
    nth: usize,
) -> Option<Fate> {
    copy_folder(&prepared.template, dir);
    prepared.settings.new_ports(dir);
    let (point, inherited) = TestPoint::pair();
    let host = Host::serve_with(dir, &prepared.program, Some(inherited));
    let before = journal(dir).len();
    let mut update = host.spawn(&["update", target, "--yes", "--accept-permissions"]);
    let mut killed_at = None;
    while let Some(seq) = point.next_record() {
        let records = journal(dir);
        let record = records.iter().find(|record| record["seq"] == seq).unwrap();
        let over = record["kind"] == "ended";
        if records.len() == before + nth {
            killed_at = Some(named(record));
            match victim {
                Victim::Worker => host.kill_worker(),
                Victim::Launcher => host.process.signal(rustix::process::Signal::KILL),
            }
            break;
        }
        point.go_on();
        if over {
            break;
        }
    }
    let record = killed_at?;
    drop(point);
    update.kill_group();
    let host = match victim {
        Victim::Worker => host,
        Victim::Launcher => restart(host),
    };
    Some(look(&host, target, victim, record))
}

/// Starts the host again after its launcher was killed; orphaned workers end by themselves.
pub(super) fn restart(mut host: Host) -> Host {
    host.process.wait(std::time::Duration::from_secs(10));
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
    Fate { record, victim, ending, version }
}

fn named(record: &serde_json::Value) -> String {
    let step = record["step"].as_str().unwrap_or_default();
    format!("{} {step}", record["kind"].as_str().unwrap()).trim_end().to_owned()
}

fn journal(dir: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(dir.join("journal.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub(super) fn copy_folder(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
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
    update.wait_for_line("Extend the database", std::time::Duration::from_mins(1));
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
