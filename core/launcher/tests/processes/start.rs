//! Starts: a version that cannot, one laid ready, a full disk, a second host.

use newleaf_domain::UpdateId;
use newleaf_launcher::journal::{Ending, Entry, StepId};
use newleaf_launcher::proto::{Answer, Ask, MAX_MESSAGE, Repair};
use newleaf_launcher::state::Way;
use newleaf_launcher::{Bound, Settings};

use super::update::updated;
use super::world;
use super::world::{World, arm, slot};

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
    // What the disk says is told to whoever serves, be it started before or after.
    let told = "1.0.0, append to ";
    while !host.version().starts_with(told) {}
    host.crash_worker();
    // It is started again; a connection that the old one took with it says nothing.
    while !host.version().starts_with(told) {}
    assert!(world.endings().is_empty(), "the disk was not full");
    disk.free();
    host.wait_for_end();
    while host.version() != "1.0.0" {}
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
fn a_trial_laid_ready_that_cannot_extend_the_data_says_why() {
    let world = World::new();
    let next = world.stage("1.1.0", "confesses");
    let mut stopped = world.stopped();
    assert!(matches!(stopped.ask(&arm(&next, Way::Forward)).unwrap(), Answer::Changed { .. }));
    drop(stopped);
    let host = world.start();
    host.wait_for(|entry| {
        let Entry::Failed { step: StepId::Expand, failure } = entry else { return false };
        failure.what.ends_with(": no such table: note")
    });
    assert_eq!(host.version(), "1.0.0");
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

/// More than one packet takes.
fn large() -> [Ask; 4] {
    world::installs_app().map(|mut ask| {
        if let Ask::CommitApp { slot, .. } = &mut ask {
            slot.snapshot = Some("x".repeat(2 * MAX_MESSAGE));
        }
        ask
    })
}

#[test]
fn a_state_that_no_packet_takes_is_given_to_workers_old_and_new() {
    let world = World::new();
    let host = world.start();
    host.version();
    let worker = host.worker();
    for ask in large() {
        let answer = host.ask(&ask);
        assert!(!matches!(answer, Answer::Refused { .. }), "{answer:?}");
    }
    assert_eq!(host.worker(), worker, "the worker that served was ended");
    assert!(host.stop());
    let host = world.start();
    assert_eq!(host.version(), "1.0.0");
}

#[test]
fn the_recovery_page_opens_on_a_state_that_no_packet_takes() {
    let world = World::new();
    let mut stopped = world.stopped();
    for ask in large() {
        stopped.ask(&ask).unwrap();
    }
    drop(stopped);
    world.stage("1.0.0", "exits");
    let host = world.start();
    assert_eq!(host.version(), "recovery");
}

#[test]
fn a_recovery_page_that_is_killed_is_opened_again() {
    let world = World::new();
    world.stage("1.0.0", "exits");
    let host = world.start();
    assert_eq!(host.version(), "recovery");
    let page = host.children("recovery")[0];
    let pid = rustix::process::Pid::from_raw(page).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    world::wait_for_exit_of(page);
    while host.version() != "recovery" {}
    while host.children("recovery").is_empty() {}
    assert!(!host.children("recovery").contains(&page));
}
