//! Apps that are switched off stay off, forward and back.

use newleaf_launcher::journal::{Ending, Outcome, StepId};
use newleaf_update::BackYes;
use newleaf_update::port::fake::{Fault, Host, Point, World};
use newleaf_update::view::StepStanding;

use crate::story::*;

/// A world in which an admin switched notes 1.0.0 off, started again.
async fn world_with_app_off() -> (World, Host) {
    let world = world_with_update().await;
    world.start().updater.disable(&notes()).await.unwrap();
    let host = world.start();
    assert_eq!(host.plugins.serves(&notes()), None);
    (world, host)
}

/// Starts the host again, and clears up what was interrupted.
async fn restarted(world: &World) -> Host {
    let host = world.start();
    host.updater.recover().await.unwrap();
    host
}

fn is_off(world: &World) -> bool {
    world.disk.state().apps[&notes()].disabled
}

#[tokio::test]
async fn an_update_brings_an_app_that_is_off_to_its_new_version_and_leaves_it_off() {
    for restart in [false, true] {
        let (world, host) = world_with_app_off().await;
        let report = update(&host, &target()).await;
        assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
        let host = if restart { restarted(&world).await } else { host };
        assert_eq!(host.plugins.serves(&notes()), None);
        assert_eq!((good(&world).as_deref(), schema(&world)), (Some("2.0.0"), 2));
        assert!(is_off(&world));
        assert!(!host.updater.overview().await.unwrap().apps[0].serving);
        host.updater.enable(&notes()).await.unwrap();
        assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
        assert_eq!(written(&world), ["milk", "bread"]);
        let seen = restarted(&world).await.plugins.serves(&notes());
        assert_eq!(seen.as_deref(), Some("2.0.0"));
    }
}

#[tokio::test]
async fn the_report_says_of_an_app_that_is_off_that_nobody_watched_it() {
    let (world, host) = world_with_app_off().await;
    // Nothing of a version that nobody reaches can count against it.
    world.disk.fail(Point::Probation, Fault::Version);
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    for step in [StepId::Hold, StepId::Release, StepId::Commit] {
        let row = report.steps.iter().find(|row| row.step == step).unwrap();
        let StepStanding::Over { outcome: Outcome::Skipped { why } } = &row.standing else {
            panic!("{row:?}")
        };
        assert!(why.contains("switched off"), "{why}");
    }
}

#[tokio::test]
async fn an_app_that_is_off_and_whose_update_fails_stays_off_on_its_old_data() {
    for point in [Point::Snapshot, Point::Migrate, Point::Health] {
        let (world, host) = world_with_app_off().await;
        world.disk.fail(point, Fault::Version);
        let report = update(&host, &target()).await;
        assert_eq!(report.ending, Some(Ending::RolledBack), "{point:?}: {report:#?}");
        world.disk.mend();
        for host in [host, restarted(&world).await] {
            assert_eq!(host.plugins.serves(&notes()), None, "{point:?}");
        }
        assert_eq!((good(&world).as_deref(), schema(&world)), (Some("1.0.0"), 1), "{point:?}");
        assert!(is_off(&world) && written(&world).len() == 2, "{point:?}");
    }
}

#[tokio::test]
async fn going_back_by_hand_leaves_an_app_off_that_an_admin_switched_off() {
    let (world, host) = world_with_app_off().await;
    update(&host, &target()).await;
    let id = host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    let report = end(&host, &id).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    assert_eq!((good(&world).as_deref(), schema(&world)), (Some("1.0.0"), 1));
    for host in [host, restarted(&world).await] {
        assert_eq!(host.plugins.serves(&notes()), None);
    }
    assert!(is_off(&world));
    let host = restarted(&world).await;
    host.updater.enable(&notes()).await.unwrap();
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn going_back_by_hand_serves_an_app_again_that_stopped_over_its_data() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Probation, Fault::Version);
    host.plugins.write_at_release(&notes(), "salt");
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Failed));
    assert!(is_off(&world));
    world.disk.mend();
    let id = host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Committed));
    for host in [host, restarted(&world).await] {
        assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    }
    assert!(!is_off(&world));
}

#[tokio::test]
async fn an_update_of_an_app_that_is_off_killed_after_any_record_leaves_it_off() {
    for records in 1..2 + 2 * StepId::APP.len() {
        let (world, host) = world_with_app_off().await;
        let view = host.updater.plan(&target(), None).await.unwrap();
        host.launcher.die_after(records);
        let id = approve(&host, view.plan.id, newleaf_update::Consent::Given).await.unwrap();
        until_dead(host).await;
        let next = restarted(&world).await;
        end(&next, &id).await;
        assert_eq!(next.plugins.serves(&notes()), None, "killed after {records}");
        assert!(is_off(&world), "killed after {records}");
        let app = world.disk.state().apps[&notes()].clone();
        assert_eq!(schema(&world), app.good.unwrap().schema, "killed after {records}");
    }
}

#[tokio::test]
async fn going_back_by_hand_killed_after_any_record_leaves_the_app_off() {
    for records in 1..2 + 2 * StepId::APP.len() {
        let (world, host) = world_with_app_off().await;
        update(&host, &target()).await;
        host.launcher.die_after(records);
        let id =
            host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
        until_dead(host).await;
        let next = restarted(&world).await;
        let ending = end(&next, &id).await.ending;
        let served = next.plugins.serves(&notes());
        assert_eq!((served, is_off(&world)), (None, true), "{records}: {ending:?}");
        let app = world.disk.state().apps[&notes()].clone();
        assert_eq!(schema(&world), app.good.unwrap().schema, "{records}: {ending:?}");
    }
}

#[tokio::test]
async fn an_app_that_an_admin_switched_off_is_not_said_to_be_off_for_another_reason() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Unpack, Fault::Machine);
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Failed));
    world.disk.mend();
    host.updater.disable(&notes()).await.unwrap();
    for host in [host, restarted(&world).await] {
        let stopped = host.updater.overview().await.unwrap().apps[0].stopped.clone();
        assert_eq!(stopped.as_deref(), Some("it was switched off by an admin"));
    }
}

#[tokio::test]
async fn what_still_runs_of_an_app_that_is_off_is_waited_for_before_its_data_is_touched() {
    let (world, host) = world_with_app_off().await;
    world.disk.fail(Point::Drain, Fault::Machine);
    let report = update(&host, &target()).await;
    assert_eq!(report.failure().map(|(step, _)| step), Some(StepId::Hold), "{report:#?}");
    assert_eq!((good(&world).as_deref(), schema(&world)), (Some("1.0.0"), 1));
}
