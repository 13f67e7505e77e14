//! A crash right after each journal record: the next start leaves a working version with its data,
//! and an ended update. The list of crashes comes from the records of a whole update.

use newleaf_domain::{Target, UpdateId};
use newleaf_launcher::journal::{Ending, Entry, StepId};
use newleaf_launcher::loss::FELL_BACK;
use newleaf_launcher::state::CorePhase;
use newleaf_update::BackYes;
use newleaf_update::port::Launcher as _;
use newleaf_update::port::fake::{Fault, Host, Point, World};
use newleaf_update::view::Overview;
use serde_json::json;

use crate::story::*;

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
async fn update_or_nothing(host: &Host) -> Option<String> {
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
    convicted(&world, &next, "trapped").await;
}

/// The version that failed is not offered again, for the reason it failed for.
async fn convicted(world: &World, host: &Host, reason: &str) {
    let bad = world.disk.state().bad;
    assert!(bad.len() == 1 && bad[0].reason.contains(reason), "{bad:?}");
    let refused = host.updater.plan(&target(), None).await.unwrap_err().to_string();
    assert!(refused.contains(reason), "{refused}");
}

#[tokio::test]
async fn a_version_that_failed_is_not_offered_again_wherever_its_way_back_is_killed() {
    // Prepare fails before anything changed; the others are taken back.
    for (point, failed) in [
        (Point::Prepare, StepId::Prewarm),
        (Point::Migrate, StepId::Migrate),
        (Point::Health, StepId::Health),
    ] {
        let index = StepId::APP.iter().position(|step| *step == failed).unwrap();
        for records in 3 + 2 * index..=5 + 2 * index {
            let world = world_with_update().await;
            let host = world.start();
            let view = host.updater.plan(&target(), None).await.unwrap();
            world.disk.fail(point, Fault::Version);
            host.launcher.die_after(records);
            let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
            until_dead(host).await;
            world.disk.mend();
            let next = world.start();
            next.updater.recover().await.unwrap();
            assert_eq!(next.plugins.serves(&notes()).as_deref(), Some("1.0.0"), "{point:?}");
            let reason = end(&next, &id).await.reason.unwrap();
            assert!(reason.contains("trapped"), "{point:?}, killed after {records}: {reason}");
            convicted(&world, &next, "trapped").await;
        }
    }
}

#[tokio::test]
async fn a_version_that_could_not_be_left_is_not_offered_again_once_an_admin_left_it() {
    let world = world_with_update().await;
    let host = world.start();
    update(&host, &target()).await;
    world.disk.forget_records(2);
    world.disk.fail(Point::Probation, Fault::Version);
    let next = world.start();
    next.updater.recover().await.unwrap();
    let id = world.disk.journal().last().unwrap().update.clone().unwrap();
    assert_eq!(end(&next, &id).await.ending, Some(Ending::Failed));
    assert!(world.disk.state().apps[&notes()].disabled);
    world.disk.mend();
    let back = next.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    assert_eq!(end(&next, &back).await.ending, Some(Ending::Committed));
    convicted(&world, &next, "trapped").await;
}

#[tokio::test]
async fn nothing_is_served_on_or_copied_from_data_whose_way_back_failed() {
    let world = world_with_update().await;
    let host = world.start();
    let view = host.updater.plan(&target(), None).await.unwrap();
    world.disk.fail(Point::Migrate, Fault::Machine);
    world.disk.fail(Point::Restore, Fault::Machine);
    let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Failed));
    world.disk.mend();
    let refused = [
        host.updater.enable(&notes()).await.unwrap_err(),
        host.updater.remove(&notes(), newleaf_update::AppData::Keep).await.unwrap_err(),
        host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap_err(),
        begin(&host, &target()).await.unwrap_err(),
    ];
    for error in refused {
        let newleaf_update::StartError::Unfinished { update, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(update, &id);
    }
    assert_eq!(host.plugins.serves(&notes()), None);
    host.updater.remove(&notes(), newleaf_update::AppData::Erase).await.unwrap();
    assert!(world.disk.state().apps.is_empty());
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

#[tokio::test]
async fn an_app_whose_data_cannot_be_put_back_holds_no_other_one_back() {
    let world = world();
    let clock = newleaf_domain::PackageName::parse("acme/clock").unwrap();
    world.publisher().app("acme/clock", "1.0.0", wants(1, 1, 4));
    world.publish();
    let host = world.start();
    let of_notes = update(&host, &target()).await.id;
    let of_clock = update(&host, &Target::App(clock.clone())).await.id;
    world.disk.edit_state(|state| {
        for (app, row) in &mut state.apps {
            // By an update that brought something else: it was a way back.
            let update = if *app == clock { of_notes.clone() } else { of_clock.clone() };
            let slot = row.good.clone().unwrap();
            let snapshot = (*app == clock).then(|| "nowhere".to_owned());
            row.trial = Some(newleaf_launcher::state::AppTrial { slot, update, snapshot });
        }
    });
    let next = world.start();
    assert!(next.updater.recover().await.is_err());
    assert_eq!(next.plugins.serves(&clock), None);
    assert_eq!(next.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn an_app_that_was_lost_with_the_state_is_told_first_until_it_is_updated_again() {
    let world = world_with_update().await;
    let before = world.disk.state();
    let host = world.start();
    assert!(update(&host, &target()).await.exit_class().is_none());
    let lost = "The host's state is older than its journal";
    let told = |overview: Overview| overview.notices.into_iter().find(|it| it.text.contains(lost));
    assert_eq!(told(host.updater.overview().await.unwrap()), None);
    // The next start found it torn, and the state before the update took its place.
    let text = format!("{FELL_BACK} (it is torn); the one written before it is used");
    host.launcher.append(None, Entry::Notice { text }).await.unwrap();
    world.disk.edit_state(|state| state.apps = before.apps);
    let notice = host.updater.overview().await.unwrap().notices.remove(0);
    assert!(notice.text.contains(lost) && notice.text.contains("acme/notes 2.0.0"), "{notice:?}");
    assert_eq!(notice.command.as_deref(), Some("newleaf update acme/notes --version 2.0.0"));
    update(&host, &target()).await;
    assert_eq!(told(host.updater.overview().await.unwrap()), None);
}

/// Makes `state` what it was one write before the newest version of notes became good.
fn lose_the_newest_state(world: &World, update: &UpdateId) {
    world.disk.edit_state(|state| {
        let row = state.apps.get_mut(&notes()).unwrap();
        let slot = row.good.take().unwrap();
        row.good = row.previous.take();
        let snapshot = slot.snapshot.clone();
        row.trial =
            Some(newleaf_launcher::state::AppTrial { slot, update: update.clone(), snapshot });
    });
}

#[tokio::test]
async fn a_state_lost_after_the_switch_loses_no_data_and_the_version_stays() {
    // Committed, or still watched.
    for records in [0, 2] {
        let world = world_with_update().await;
        let host = world.start();
        let id = update(&host, &target()).await.id;
        assert!(host.plugins.write(&notes(), "salt"));
        drop(host);
        world.disk.forget_records(records);
        lose_the_newest_state(&world, &id);
        let next = world.start();
        next.updater.recover().await.unwrap();
        assert_eq!(end(&next, &id).await.ending, Some(Ending::Committed));
        assert_eq!(written(&world), ["milk", "bread", "salt"], "without {records} records");
        assert_eq!((good(&world).as_deref(), schema(&world)), (Some("2.0.0"), 2));
        assert_eq!(next.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
        let app = world.disk.state().apps[&notes()].clone();
        assert_eq!(app.previous.unwrap().version.as_str(), "1.0.0", "there is a way back still");
        assert!(app.trial.is_none());
    }
}

#[tokio::test]
async fn a_version_that_fails_after_the_state_was_lost_takes_no_write_with_it() {
    let world = world_with_update().await;
    let host = world.start();
    let id = update(&host, &target()).await.id;
    assert!(host.plugins.write(&notes(), "salt"));
    drop(host);
    // Still watched, and the new process has seen no write.
    world.disk.forget_records(2);
    lose_the_newest_state(&world, &id);
    world.disk.fail(Point::Probation, Fault::Version);
    let next = world.start();
    next.updater.recover().await.unwrap();
    let reason = end(&next, &id).await.reason.unwrap();
    assert!(reason.contains("would lose what was written since the switch"), "{reason}");
    assert_eq!(written(&world), ["milk", "bread", "salt"]);
    assert_eq!(next.plugins.serves(&notes()), None, "it stops and asks");
}

#[tokio::test]
async fn a_state_lost_after_an_installation_leaves_the_app_installed_with_its_data() {
    let world = world();
    let host = world.start();
    let id = update(&host, &target()).await.id;
    assert!(host.plugins.write(&notes(), "milk"));
    drop(host);
    lose_the_newest_state(&world, &id);
    let next = world.start();
    next.updater.recover().await.unwrap();
    assert_eq!(written(&world), ["milk"]);
    assert_eq!(next.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn a_state_lost_after_going_back_by_hand_leaves_the_version_that_was_gone_back_to() {
    let world = world_with_update().await;
    let host = world.start();
    update(&host, &target()).await;
    let id = host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Committed));
    assert!(host.plugins.write(&notes(), "salt"));
    drop(host);
    lose_the_newest_state(&world, &id);
    let next = world.start();
    next.updater.recover().await.unwrap();
    assert_eq!(written(&world), ["milk", "bread", "salt"]);
    assert_eq!(good(&world).as_deref(), Some("1.0.0"));
}

/// Updates notes, dies after `records` records and loses the state that knows of the update; starts
/// again with the one before it and mends.
async fn killed_without_state(records: usize) -> (World, Host, UpdateId) {
    let world = world_with_update().await;
    let before = world.disk.state();
    let host = world.start();
    let view = host.updater.plan(&target(), None).await.unwrap();
    host.launcher.die_after(records);
    let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
    until_dead(host).await;
    world.disk.edit_state(|state| state.apps = before.apps);
    let next = world.start();
    let text = format!("{FELL_BACK} (it is torn); the one written before it is used");
    next.launcher.append(None, Entry::Notice { text }).await.unwrap();
    next.updater.recover().await.unwrap();
    (world, next, id)
}

#[tokio::test]
async fn a_state_lost_in_the_middle_of_a_migration_loses_no_data() {
    let migrate = StepId::APP.iter().position(|step| *step == StepId::Migrate).unwrap();
    // Began, two for each step before; then started, finished, and the next started.
    for records in 1 + 2 * migrate..=4 + 2 * migrate {
        let (world, next, id) = killed_without_state(records).await;
        assert_eq!(end(&next, &id).await.ending, Some(Ending::RolledBack), "after {records}");
        assert_eq!((good(&world).as_deref(), schema(&world)), (Some("1.0.0"), 1));
        assert_eq!(written(&world), ["milk", "bread"], "after {records}");
        assert_eq!(next.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    }
}

#[tokio::test]
async fn data_that_was_put_back_by_the_journal_is_not_put_back_twice() {
    let migrate = StepId::APP.iter().position(|step| *step == StepId::Migrate).unwrap();
    let (world, next, id) = killed_without_state(2 + 2 * migrate).await;
    assert!(next.plugins.write(&notes(), "salt"));
    drop(next);
    // The end, and that the way back was gone, did not reach the disk.
    world.disk.forget_records(2);
    let last = world.start();
    last.updater.recover().await.unwrap();
    assert_eq!(end(&last, &id).await.ending, Some(Ending::RolledBack));
    assert_eq!(written(&world), ["milk", "bread", "salt"]);
}
