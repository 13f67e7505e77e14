//! The launcher with real processes: updates that go well, updates that do not, and crashes.

#![expect(clippy::unwrap_used, reason = "a failed step of a test ends the test")]
#![expect(clippy::print_stdout, reason = "a fake launcher says where it listens")]

mod world;

use std::io::{Read as _, Write as _};

use newleaf_domain::{Digest, UpdateId};
use newleaf_launcher::journal::{Ending, Entry, StepId};
use newleaf_launcher::proto::{Answer, Repair};
use newleaf_launcher::serve::TEST_POINT_STATE;
use newleaf_launcher::state::{CorePhase, Way};
use newleaf_launcher::{Bound, Settings};
use world::{World, arm, slot};

/// Not a test of its own: what the programs of a world run. Without their environment it does
/// nothing.
#[test]
#[expect(clippy::exit, reason = "the exit status is what a fake program is for")]
fn fake_program() {
    if let Some(status) = world::fake::play() {
        std::process::exit(status);
    }
}

/// Starts 1.0.0, updates to a 1.1.0 that behaves so, waits for the end.
fn updated(world: &World, behaviour: &str) -> world::Host {
    let slot = world.stage("1.1.0", behaviour);
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    host.update_to(&slot);
    host.wait_for_end();
    host
}

#[test]
fn a_good_version_takes_over_and_is_good() {
    let world = World::new();
    let host = updated(&world, "good");
    assert_eq!(host.version(), "1.1.0");
    let core = world.state().core;
    assert_eq!(
        (core.good, core.previous, core.phase),
        (slot("1.1.0"), Some(slot("1.0.0")), CorePhase::Idle)
    );
    assert!(host.stop(), "a planned stop is no failure");
}

#[test]
fn a_version_that_exits_at_start_is_bad_and_the_old_one_serves() {
    let world = World::new();
    let host = updated(&world, "exits");
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
    assert!(world.state().bad_reason(&slot("1.1.0").digest).unwrap().contains("status 1"));
}

/// Stages 1.1.0 so that the state knows its program.
fn known(world: &World) -> newleaf_launcher::state::CoreSlot {
    let slot = world.stage("1.1.0", "good");
    let program = std::fs::read(world.layout.program(&slot)).unwrap();
    newleaf_launcher::state::CoreSlot { binary: Some(Digest::of(&program)), ..slot }
}

fn damage(world: &World, slot: &newleaf_launcher::state::CoreSlot) {
    let path = world.layout.program(slot);
    let program = std::fs::read(&path).unwrap();
    std::fs::write(&path, [program, b"# bit rot\n".to_vec()].concat()).unwrap();
}

#[test]
fn a_good_version_that_was_damaged_is_not_run_and_the_one_before_serves() {
    let world = World::new();
    let slot = known(&world);
    let host = world.start();
    host.update_to(&slot);
    host.wait_for_end();
    assert_eq!(host.version(), "1.1.0");
    host.stop();
    damage(&world, &slot);
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    let state = world.state();
    assert!(state.core.stand_in.unwrap().contains("its program is damaged on disk"));
    assert!(state.bad.is_empty());
    host.wait_for(|entry| {
        matches!(entry, Entry::Notice { text } if text.contains("1.0.0 serves in the place of 1.1.0"))
    });
}

#[test]
fn a_damaged_slot_is_mended_from_the_launchers_own_program_where_that_is_the_same() {
    let world = World::new();
    let slot = known(&world);
    let host = world.start();
    host.update_to(&slot);
    host.wait_for_end();
    host.stop();
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
fn a_version_that_hangs_before_ready_is_ended() {
    let mut world = World::new();
    world.ready_within = 3_000;
    let host = updated(&world, "hangs");
    assert_eq!(host.version(), "1.0.0");
    assert!(world.state().bad_reason(&slot("1.1.0").digest).unwrap().contains("not ready within"));
}

#[test]
fn a_version_that_fails_its_probe_never_answers_the_public() {
    let world = World::new();
    let host = updated(&world, "sick");
    assert_eq!(host.version(), "1.0.0");
    assert!(world.state().bad_reason(&slot("1.1.0").digest).unwrap().contains("not healthy: sick"));
}

#[test]
fn a_version_that_dies_twice_while_watched_is_taken_back() {
    let world = World::new();
    let host = updated(&world, "dies");
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
    assert!(world.state().bad_reason(&slot("1.1.0").digest).is_some());
}

#[test]
fn a_version_that_leaves_once_it_is_ready_is_taken_back() {
    let world = World::new();
    let host = updated(&world, "leaves");
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
}

#[test]
fn a_version_that_is_ready_twice_is_probed_and_good() {
    let world = World::new();
    let host = updated(&world, "repeats");
    assert_eq!(host.version(), "1.1.0");
    assert_eq!(world.endings(), [Ending::Committed]);
}

#[test]
fn a_version_that_dies_after_its_probation_is_started_again_and_stays_good() {
    let world = World::new();
    let host = updated(&world, "good");
    assert_eq!(host.version(), "1.1.0");
    host.crash_worker();
    // It is started again; a connection that the old one took with it says nothing.
    while host.version() != "1.1.0" {}
    assert_eq!(world.endings(), [Ending::Committed]);
    assert!(world.state().bad.is_empty());
}

#[test]
fn a_program_that_cannot_run_here_is_taken_back() {
    let ours = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    // Bytes 18 and 19 of an ELF file name the machine; this one is no longer made.
    let mut foreign = ours[..4096].to_vec();
    foreign[18..20].copy_from_slice(&[0x08, 0x00]);
    let loader = b"#!/no/such/loader\n".to_vec();
    let crashes = b"#!/bin/sh\nkill -SEGV $$\n".to_vec();
    for program in [foreign, ours[..100].to_vec(), Vec::new(), loader, crashes] {
        let world = World::new();
        let slot = world.stage("1.1.0", "good");
        std::fs::write(world.layout.program(&slot), &program).unwrap();
        let host = world.start();
        host.update_to(&slot);
        host.wait_for_end();
        let ended = (host.version(), world.endings());
        assert_eq!(ended, ("1.0.0".to_owned(), vec![Ending::RolledBack]), "{:?}", program.first());
        assert!(world.state().bad_reason(&slot.digest).is_some(), "it is offered again");
    }
}

#[test]
fn a_version_that_says_more_than_the_launcher_knows_is_not_ended() {
    let world = World::new();
    let host = updated(&world, "newer");
    assert_eq!(host.version(), "1.1.0");
    assert_eq!(world.endings(), [Ending::Committed]);
}

#[test]
fn a_full_disk_takes_a_version_back_without_blaming_it() {
    let world = World::new();
    let host = updated(&world, "full");
    assert_eq!(host.version(), "1.0.0");
    assert_eq!(world.endings(), [Ending::RolledBack]);
    assert!(world.state().bad.is_empty());
}

#[test]
fn a_good_version_that_cannot_start_leaves_a_page() {
    let world = World::new();
    world.stage("1.0.0", "exits");
    let host = world.start();
    assert_eq!(host.version(), "recovery");
    world.stage("1.0.0", "good");
    while host.version() != "1.0.0" {}
}

#[test]
fn the_version_before_serves_after_one_order_on_the_recovery_page() {
    let world = World::new();
    let host = updated(&world, "good");
    assert_eq!(host.version(), "1.1.0");
    world.stage("1.1.0", "exits");
    host.crash_worker();
    while host.version() != "recovery" {}
    assert!(matches!(host.order(&Repair::TryAgain), Answer::Appended { .. }));
    let plan = world::plan();
    let update = UpdateId::new(newleaf_domain::Timestamp::from_unix(1_800_000_001), &plan, 9);
    let order = Repair::StartPrevious { update, plan };
    let answer = host.order(&order);
    assert!(matches!(answer, Answer::Changed { .. }), "{answer:?}");
    while host.version() != "1.0.0" {}
    host.wait_for(|_| world.endings() == [Ending::Committed, Ending::Committed]);
    assert_eq!(world.state().core.good.version.as_str(), "1.0.0");
    assert_eq!(world.state().core.previous.unwrap().version.as_str(), "1.1.0");
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
fn a_full_disk_does_not_keep_a_host_down() {
    let Some((world, disk)) = World::on_small_disk("a_full_disk_does_not_keep_a_host_down") else {
        return;
    };
    // An update that was taken back and whose end was not recorded: the start has records to write.
    let mut stopped = world.stopped();
    for entry in [world::began(&slot("1.1.0")), Entry::Started { step: StepId::Rollback }] {
        stopped.append(Some(world::update()), entry).unwrap();
    }
    drop(stopped);
    disk.fill(&world.layout.journal());
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    host.crash_worker();
    // It is started again; a connection that the old one took with it says nothing.
    while host.version() != "1.0.0" {}
    assert!(world.endings().is_empty(), "the disk was not full");
    disk.free();
    host.wait_for_end();
    assert_eq!(world.endings(), [Ending::RolledBack], "what waited for the disk is written");
}

#[test]
fn a_trial_laid_ready_offline_is_made_at_the_next_start() {
    let world = World::new();
    let next = world.stage("1.1.0", "good");
    let mut stopped = world.stopped();
    assert!(matches!(stopped.ask(&arm(&next, Way::Forward)).unwrap(), Answer::Changed { .. }));
    drop(stopped);
    let host = world.start();
    host.wait_for_end();
    assert_eq!(host.version(), "1.1.0");
    let expanded = std::fs::read_to_string(world.layout.dir().join("expanded")).unwrap();
    assert_eq!(expanded, "1.1.0");
}

#[test]
fn a_socket_of_a_service_manager_is_taken_over_and_outlives_an_update() {
    let world = World::new();
    let next = world.stage("1.1.0", "good");
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    let host = world.start_with_socket(socket);
    assert_eq!((host.public, host.version().as_str()), (addr, "1.0.0"));
    host.update_to(&next);
    host.wait_for_end();
    assert_eq!(host.version(), "1.1.0");
}

#[test]
fn a_second_host_on_the_folder_is_refused_by_name() {
    let world = World::new();
    let host = world.start();
    host.version();
    let settings = Settings {
        dir: world.layout.dir().to_owned(),
        public: Vec::new(),
        admin: Vec::new(),
        image: "/proc/self/exe".into(),
        protocol: newleaf_launcher::proto::PROTOCOL,
        arguments: Vec::new(),
        timing: newleaf_launcher::supervisor::Timing::default(),
    };
    let error = Bound::open(settings).unwrap_err().to_string();
    assert!(error.contains("is in use by process"), "{error}");
}

/// What the launcher is killed right after.
#[derive(Debug, Clone, Copy)]
enum Fatal {
    /// The record of this number.
    Record(u64),
    /// The state of this number; the first, 1, was there before.
    State(u64),
}

/// The states of an update, good or bad: armed, a try burnt, then probation and good, or the other
/// try burnt and gone back.
const STATES: std::ops::RangeInclusive<u64> = 2..=5;

impl Fatal {
    /// Whether what the launcher tells of is this, or lies behind it.
    const fn is(self, told: u64) -> bool {
        let is_state = told & TEST_POINT_STATE != 0;
        match self {
            Self::Record(seq) => !is_state && told >= seq,
            Self::State(seq) => is_state && told & !TEST_POINT_STATE >= seq,
        }
    }

    /// Whether the first record was on disk, and the launcher had been asked.
    const fn has_begun(self) -> bool {
        matches!(self, Self::State(_) | Self::Record(2..))
    }

    /// Whether the new version was on trial.
    const fn is_armed(self) -> bool {
        matches!(self, Self::State(_) | Self::Record(3..))
    }
}

/// Kills the launcher right after each of these, starts it again, and looks.
fn killed_at_each(behaviour: &str, fatal: impl Iterator<Item = Fatal>) {
    for fatal in fatal {
        let world = World::new();
        let next = world.stage("1.1.0", behaviour);
        let (host, mut steps) = world.start_stepped();
        let (public, layout) = (host.public, world.layout.clone());
        let killer = std::thread::spawn(move || {
            let mut seq = [0; 8];
            while steps.read_exact(&mut seq).is_ok() && !fatal.is(u64::from_le_bytes(seq)) {
                steps.write_all(&[1]).unwrap();
            }
            host.crash();
        });
        begin(public, &layout, &next);
        killer.join().unwrap();

        let host = world.start();
        let open = world.endings().is_empty();
        if open && world.state().core.trial.is_some() {
            host.wait_for_end();
        }
        let core = world.state().core;
        assert_eq!(
            host.version(),
            core.good.version.as_str(),
            "{behaviour} killed after {fatal:?}"
        );
        let expected = if behaviour == "good" && fatal.is_armed() { "1.1.0" } else { "1.0.0" };
        assert_eq!(core.good.version.as_str(), expected, "{behaviour} killed after {fatal:?}");
        assert_eq!(core.phase, CorePhase::Idle);
        if fatal.has_begun() {
            assert_eq!(world.endings().len(), 1, "{behaviour} killed after {fatal:?}");
        }
    }
}

/// Begins the update; the launcher may die at any word of it.
fn begin(
    public: std::net::SocketAddr,
    layout: &newleaf_launcher::Layout,
    next: &newleaf_launcher::state::CoreSlot,
) {
    let mut answer = String::new();
    let mut stream = std::net::TcpStream::connect(public).unwrap();
    drop(stream.read_to_string(&mut answer));
    let append = newleaf_launcher::proto::Ask::Append {
        update: Some(world::update()),
        entry: Box::new(world::began(next)),
    };
    for ask in [append, arm(next, Way::Forward)] {
        let Ok(mut stream) = std::os::unix::net::UnixStream::connect(layout.admin_socket()) else {
            return;
        };
        let said = writeln!(stream, "{}", serde_json::to_string(&ask).unwrap());
        if said.is_err() || stream.read(&mut [0; 4096]).is_err() {
            return;
        }
    }
}

#[test]
fn a_launcher_killed_after_any_record_of_a_good_update_finishes_it() {
    killed_at_each("good", (1..=8).map(Fatal::Record));
}

#[test]
fn a_launcher_killed_after_any_state_of_a_good_update_finishes_it() {
    killed_at_each("good", STATES.map(Fatal::State));
}

#[test]
fn a_launcher_killed_after_any_record_of_a_bad_update_undoes_it() {
    killed_at_each("exits", (1..=7).map(Fatal::Record));
}

#[test]
fn a_launcher_killed_after_any_state_of_a_bad_update_undoes_it() {
    killed_at_each("exits", STATES.map(Fatal::State));
}

/// What a service manager hears of a host.
struct Manager(std::os::unix::net::UnixDatagram);

impl Manager {
    /// Waits for a message that holds `part`.
    fn hears(&self, part: &str) -> String {
        let mut text = [0; 512];
        loop {
            let length = self.0.recv(&mut text).unwrap();
            let text = String::from_utf8_lossy(&text[..length]);
            if text.contains(part) {
                return text.into_owned();
            }
        }
    }
}

#[test]
fn a_service_manager_hears_of_readiness_life_and_the_end() {
    let world = World::new();
    let socket = world.layout.dir().join("notify");
    let manager = Manager(std::os::unix::net::UnixDatagram::bind(&socket).unwrap());
    let host = world
        .start_told(&[("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "40000")]);
    assert_eq!(manager.hears("READY"), "READY=1\nSTATUS=1.0.0 serves\n");
    assert_eq!(manager.hears("WATCHDOG"), "WATCHDOG=1\n");
    assert_eq!(host.environment_of_worker("NOTIFY_SOCKET"), None);
    assert_eq!(host.environment_of_worker("WATCHDOG_USEC"), None);
    let next = world.stage("1.1.0", "good");
    host.update_to(&next);
    manager.hears("STATUS=1.0.0 serves; 1.1.0 is on trial\n");
    manager.hears("STATUS=1.1.0 serves and is watched\n");
    manager.hears("STATUS=1.1.0 serves\n");
    assert!(host.stop());
    manager.hears("STOPPING=1\n");
}

#[test]
fn a_worker_that_hangs_is_ended_and_started_again_and_no_sign_of_life_covers_for_it() {
    let world = World::new();
    let socket = world.layout.dir().join("notify");
    let manager = Manager(std::os::unix::net::UnixDatagram::bind(&socket).unwrap());
    let host = world
        .start_told(&[("NOTIFY_SOCKET", socket.to_str().unwrap()), ("WATCHDOG_USEC", "100000")]);
    manager.hears("WATCHDOG");
    let stuck = host.worker();
    host.stick();
    world::wait_for_exit_of(stuck);
    manager.hears("STATUS=1.0.0 starts");
    manager.hears("WATCHDOG");
    assert_eq!(host.version(), "1.0.0");
    host.wait_for(|entry| {
        matches!(entry, Entry::Notice { text } if text == "1.0.0 gave no sign of life for 3 s and was ended")
    });
    assert!(world.state().bad.is_empty());
}

/// Waits until the try is forgotten: the successor has a worker that answers.
fn wait_for_successor(world: &World, host: &world::Host) {
    // While one program makes room for the next there is nothing to read.
    let program = |pid| std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let is_next =
        |told: &[u8]| told.split(|byte| *byte == 0).any(|line| line == b"FAKE_VERSION=2.0.0");
    while !is_next(&program(host.pid())) || world.state().core.launcher_tries > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn the_launcher_of_a_new_version_takes_over_with_sockets_and_workers_kept() {
    let world = World::new();
    let next = world.stage("2.0.0", "good");
    let host = world.start();
    let (pid, public) = (host.pid(), host.public);
    host.update_to(&next);
    host.wait_for_end();
    let worker = *host.workers().last().unwrap();
    wait_for_successor(&world, &host);
    assert_eq!((host.pid(), host.public, host.version()), (pid, public, "2.0.0".to_owned()));
    assert_eq!(host.worker(), worker, "the worker is another");
    assert!(matches!(host.ask(&world::notice("it still hears")), Answer::Appended { .. }));
    host.crash_worker();
    while host.version() != "2.0.0" {}
    assert!(host.stop(), "the successor ends as any launcher does");
}

#[test]
fn a_start_hands_over_before_a_worker_is_started_and_an_older_version_is_spoken_to_as_it_knows() {
    let world = World::new();
    let next = world.stage("2.0.0", "good");
    let host = world.start();
    host.update_to(&next);
    host.wait_for_end();
    wait_for_successor(&world, &host);
    assert!(host.stop());
    let host = world.start();
    assert_eq!(host.version(), "2.0.0");
    wait_for_successor(&world, &host);
    host.update_back_to(&slot("1.0.0"));
    while host.version() != "1.0.0" {}
    assert_eq!(world.state().core.launcher_tries, 0);
}

#[test]
fn a_successor_that_exits_at_start_ends_on_the_old_version_after_two_tries() {
    let world = World::new();
    let next = world.stage("2.0.0", "no-launcher");
    let host = world.start();
    host.update_to(&next);
    // It takes over, exits, and its worker ends: a service manager would start the host again.
    assert!(!host.wait(), "the successor exits with status 1");
    assert_eq!(world.state().core.launcher_tries, 1);
    assert!(!world.start_hidden().wait(), "the second try");
    assert_eq!(world.state().core.launcher_tries, 2);
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    let state = world.state();
    assert!(state.core.stand_in.as_ref().unwrap().contains("could not take over as launcher"));
    assert!(state.bad_reason(&next.digest).is_some(), "it is not brought again by itself");
}

#[test]
fn a_successor_whose_program_is_missing_leaves_the_old_launcher_and_what_it_serves() {
    let world = World::new();
    let mut next = world.stage("2.0.0", "good");
    next.binary = Some(Digest::of(&std::fs::read(world.layout.program(&next)).unwrap()));
    let host = world.start();
    // It is gone as soon as its worker runs.
    let program = world.layout.program(&next);
    host.update_to(&next);
    host.wait_for(|entry| matches!(entry, Entry::Finished { step: StepId::Probe, .. }));
    std::fs::remove_file(program).unwrap();
    host.wait_for(
        |entry| matches!(entry, Entry::Notice { text } if text.contains("this one stays")),
    );
    assert_eq!(host.version(), "2.0.0", "its worker goes on");
    assert!(host.stop());
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
    assert!(world.state().bad.is_empty(), "damage on disk is no evidence");
}

#[test]
fn a_successor_is_announced_as_a_reload_and_then_as_ready() {
    let world = World::new();
    let next = world.stage("2.0.0", "good");
    let socket = world.layout.dir().join("notify");
    let manager = Manager(std::os::unix::net::UnixDatagram::bind(&socket).unwrap());
    let host = world.start_told(&[("NOTIFY_SOCKET", socket.to_str().unwrap())]);
    manager.hears("READY=1");
    host.update_to(&next);
    let told = manager.hears("RELOADING=1\nMONOTONIC_USEC=");
    assert!(told.ends_with("STATUS=the launcher of 2.0.0 takes over\n"), "{told}");
    assert_eq!(manager.hears("READY=1"), "READY=1\nSTATUS=2.0.0 serves\n");
}
