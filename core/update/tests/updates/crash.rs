//! A crash right after each journal record: the next start leaves a working version with its data,
//! and an ended update. The list of crashes comes from the records of a whole update.

use newleaf_domain::Target;
use newleaf_launcher::journal::{Ending, Entry, StepId};
use newleaf_launcher::state::CorePhase;
use newleaf_update::port::fake::{Fault, Point, World};
use serde_json::json;

use crate::story::*;

/// Waits until a host that is to die has died: the task ends, so nobody holds the updater.
async fn until_dead(host: newleaf_update::port::fake::Host) {
    let updater = std::sync::Arc::downgrade(&host.updater);
    drop(host);
    while updater.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}

/// Updates notes, dies after `records` records, starts again; gives the ending in the journal.
async fn killed_after(records: usize, fault: Option<(Point, Fault)>) -> (World, Ending) {
    let world = world_with_update().await;
    let host = world.start();
    let view = host.updater.plan(&target(), None).await.unwrap();
    if let Some((point, fault)) = fault {
        world.disk.fail(point, fault);
    }
    host.launcher.die_after(records);
    let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
    until_dead(host).await;
    world.disk.mend();
    let next = world.start();
    next.updater.recover().await.unwrap();
    let report = end(&next, &id).await;
    let served = next.plugins.serves(&notes());
    assert_eq!(served, good(&world), "killed after {records}: what serves is what state says");
    assert_eq!(written(&world), ["milk", "bread"], "killed after {records}: {report:#?}");
    let app = world.disk.state().apps[&notes()].clone();
    assert_eq!(schema(&world), app.good.unwrap().schema, "killed after {records}");
    assert!(app.trial.is_none(), "killed after {records}");
    assert_eq!(next.updater.running().await.unwrap(), None);
    let after = update_or_nothing(&next).await;
    assert_eq!(
        after.as_deref(),
        Some("2.0.0"),
        "killed after {records}: the update can be finished"
    );
    (world, report.ending.unwrap())
}

/// Finishes what was left, where it was not finished; the version that serves then.
async fn update_or_nothing(host: &newleaf_update::port::fake::Host) -> Option<String> {
    if host.plugins.serves(&notes()).as_deref() == Some("1.0.0") {
        update(host, &target()).await;
    }
    host.plugins.serves(&notes())
}

/// Records of a good update of an app: began, two for each step, ended.
const APP_RECORDS: usize = 2 + 2 * StepId::APP.len();

#[tokio::test]
async fn an_app_update_killed_after_any_record_ends_well() {
    for records in 1..APP_RECORDS {
        let (_, ending) = killed_after(records, None).await;
        let step =
            StepId::APP.get(records.saturating_sub(2) / 2).copied().unwrap_or(StepId::Commit);
        let expected = match step {
            StepId::Release | StepId::Commit => Ending::Committed,
            StepId::Activate if records % 2 == 1 => Ending::Committed,
            StepId::Migrate | StepId::Health | StepId::Activate => Ending::RolledBack,
            StepId::Snapshot if records % 2 == 1 => Ending::RolledBack,
            StepId::Check
            | StepId::Fetch
            | StepId::Verify
            | StepId::Stage
            | StepId::Rehearse
            | StepId::Prewarm
            | StepId::Expand
            | StepId::Hold
            | StepId::Snapshot
            | StepId::Probe
            | StepId::Rollback => Ending::Undone,
        };
        assert_eq!(ending, expected, "killed after record {records}, at {step}");
    }
}

#[tokio::test]
async fn a_roll_back_killed_after_any_record_ends_with_the_old_version() {
    for (point, failed) in [(Point::Migrate, StepId::Migrate), (Point::Health, StepId::Health)] {
        let index = StepId::APP.iter().position(|step| *step == failed).unwrap();
        // Began, two for each step before, started, failed; then started and finished of rollback.
        for records in 3 + 2 * index..=5 + 2 * index {
            let (_, ending) = killed_after(records, Some((point, Fault::Machine))).await;
            assert_eq!(ending, Ending::RolledBack, "{point:?}, killed after {records}");
        }
    }
}

#[tokio::test]
async fn a_roll_back_after_the_switch_that_is_killed_keeps_every_write_and_says_so() {
    // Began, two for each step before commit, started, failed; nobody counts the writes after that.
    for records in [3 + 2 * 12, 4 + 2 * 12] {
        let world = world_with_update().await;
        let host = world.start();
        let view = host.updater.plan(&target(), None).await.unwrap();
        world.disk.fail(Point::Probation, Fault::Version);
        host.launcher.die_after(records);
        let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
        until_dead(host).await;
        let next = world.start();
        next.updater.recover().await.unwrap();
        let report = end(&next, &id).await;
        assert_eq!(
            (report.ending, written(&world).len()),
            (Some(Ending::Failed), 2),
            "{report:#?}"
        );
        let overview = next.updater.overview().await.unwrap();
        assert!(!overview.apps[0].serving);
        assert!(overview.apps[0].stopped.as_ref().unwrap().contains("would lose"));
    }
}

#[tokio::test]
async fn a_core_update_killed_before_point_a_is_undone() {
    // Began, and two for each step up to expand; activate is the launcher's.
    let until_arm = 1 + 2 * 7;
    for records in 1..until_arm {
        let world = World::new();
        world.publisher().core("1.1.0", json!({"schema": 2, "oldest_reader": 1}));
        world.publish();
        let host = world.start();
        let view = host.updater.plan(&Target::Core, None).await.unwrap();
        host.launcher.die_after(records);
        let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
        until_dead(host).await;
        let next = world.start();
        next.updater.recover().await.unwrap();
        let core = world.disk.state().core;
        assert_eq!(
            (core.phase, core.good.version.as_str()),
            (CorePhase::Idle, "1.0.0"),
            "{records}"
        );
        let ending = end(&next, &id).await.ending;
        assert_eq!(ending, Some(Ending::Undone), "killed after {records}");
        assert_eq!(update(&next, &Target::Core).await.ending, Some(Ending::Committed));
    }
}

#[tokio::test]
async fn a_trial_whose_way_back_failed_is_put_back_at_the_next_start() {
    let world = world_with_update().await;
    let host = world.start();
    let view = host.updater.plan(&target(), None).await.unwrap();
    world.disk.fail(Point::Migrate, Fault::Version);
    world.disk.fail(Point::Restore, Fault::Machine);
    let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Failed));
    world.disk.mend();
    let next = world.start();
    next.updater.recover().await.unwrap();
    assert_eq!(next.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    assert_eq!((written(&world).len(), schema(&world)), (2, 1));
    let told = world.disk.journal().into_iter().any(|it| matches!(it.entry, Entry::Notice { .. }));
    assert!(told);
}

#[tokio::test]
async fn a_way_back_after_the_switch_that_failed_stops_the_app_and_is_gone_at_the_next_start() {
    let world = world_with_update().await;
    let host = world.start();
    let view = host.updater.plan(&target(), None).await.unwrap();
    world.disk.fail(Point::Probation, Fault::Version);
    world.disk.fail(Point::Restore, Fault::Machine);
    let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Failed));
    let overview = host.updater.overview().await.unwrap();
    assert!(overview.apps[0].stopped.as_ref().unwrap().contains("trapped"), "{overview:#?}");
    world.disk.mend();
    let next = world.start();
    next.updater.recover().await.unwrap();
    assert_eq!(next.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    assert_eq!((good(&world).as_deref(), schema(&world)), (Some("1.0.0"), 1));
    assert_eq!(written(&world), ["milk", "bread"]);
}
