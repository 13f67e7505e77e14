//! A disk that takes no records for a while, under a host that goes on running: the update stands
//! still, is told as interrupted, and is finished or undone by the same process afterwards.

use newleaf_domain::{Target, UpdateId};
use newleaf_launcher::journal::{Ending, StepId};
use newleaf_launcher::state::CorePhase;
use newleaf_update::port::fake::{Fault, Host, Point, World};
use newleaf_update::{Consent, Recovered};
use serde_json::json;

use crate::story::*;

const FULL: &str = "No space left on device";

/// Begins an update whose disk is full after `records` records, and waits until it stands still.
async fn begun(host: &Host, target: &Target, records: usize) -> UpdateId {
    let view = host.updater.plan(target, None).await.unwrap();
    host.launcher.refuse_after(Some(records));
    let id = approve(host, view.plan.id, Consent::Given).await.unwrap();
    while host.updater.interruption(&id).is_none() {
        tokio::task::yield_now().await;
    }
    id
}

/// What is said while it stands still: with its reason, and nobody waits for it in vain.
async fn told(host: &Host, id: &UpdateId) {
    let overview = host.updater.overview().await.unwrap();
    let running = overview.running.unwrap();
    assert!(running.interrupted.as_ref().is_some_and(|why| why.contains(FULL)), "{running:?}");
    assert!(overview.sentence.ends_with("was interrupted."), "{}", overview.sentence);
    let notice = &overview.notices[0];
    assert!(notice.text.contains(FULL) && notice.update.as_ref() == Some(id), "{notice:?}");
    let report = host.updater.report(id).await.unwrap().unwrap();
    assert_eq!(report.interrupted, running.interrupted);
    assert!(host.updater.finished(id).await.unwrap().is_none());
}

/// Nothing ends it while the disk refuses; once it does not, one try does.
async fn mended(host: &Host, id: &UpdateId) -> Ending {
    host.updater.mend().await.unwrap_err();
    told(host, id).await;
    host.launcher.refuse_after(None);
    let found = host.updater.mend().await.unwrap();
    assert!(matches!(found, Some(Recovered::Closed(_) | Recovered::Resumed(_))), "{found:?}");
    let report = end(host, id).await;
    assert_eq!(report.interrupted, None);
    let overview = host.updater.overview().await.unwrap();
    assert_eq!(overview.running, None);
    assert!(!overview.notices.iter().any(|notice| notice.text.contains("cannot be written")));
    assert_eq!(host.updater.mend().await.unwrap(), Some(Recovered::Clean));
    report.ending.unwrap()
}

/// Records of a good update of an app: began, two for each step, ended.
const APP_RECORDS: usize = 2 + 2 * StepId::APP.len();

#[tokio::test]
async fn what_the_launcher_cannot_write_down_is_told_first_with_what_mends_it() {
    let world = world_with_update().await;
    let host = world.start();
    let first = async || host.updater.overview().await.unwrap().notices.into_iter().next();
    let before = first().await;
    host.launcher.set_refuses(Some("replace state: No space left on device"));
    let notice = first().await.unwrap();
    assert_eq!(
        notice.text,
        "The host cannot write down what it did: replace state: No space left on device."
    );
    assert!(notice.todo.unwrap().starts_with("Make room on the disk"));
    assert!(notice.command.unwrap().starts_with("df -h /"));
    host.launcher.set_refuses(None);
    assert_eq!(first().await, before);
}

#[tokio::test]
async fn an_app_update_whose_disk_is_full_after_any_record_is_ended_by_the_same_host() {
    for records in 1..APP_RECORDS {
        let world = world_with_update().await;
        let host = world.start();
        let id = begun(&host, &target(), records).await;
        told(&host, &id).await;
        let ending = mended(&host, &id).await;
        let serves = host.plugins.serves(&notes());
        assert_eq!(serves, good(&world), "full after {records}: {ending:?}");
        let updated = ending == Ending::Committed;
        assert_eq!(updated, serves.as_deref() == Some("2.0.0"), "full after {records}");
        assert_eq!(written(&world), ["milk", "bread"], "full after {records}: {ending:?}");
        assert!(world.disk.state().bad.is_empty(), "full after {records}: nobody is to blame");
        if !updated {
            assert_eq!(update(&host, &target()).await.ending, Some(Ending::Committed), "{records}");
        }
    }
}

#[tokio::test]
async fn a_core_update_whose_disk_is_full_before_point_a_is_undone_by_the_same_host() {
    // Began, and two for each step up to expand; activate is the launcher's.
    for records in 1..=2 * 7 {
        let world = World::new();
        world.publisher().core("1.1.0", json!({"schema": 2, "oldest_reader": 1}));
        world.publish();
        let host = world.start();
        let id = begun(&host, &Target::Core, records).await;
        assert_eq!(mended(&host, &id).await, Ending::Undone, "full after {records}");
        let report = end(&host, &id).await;
        let reason = report.reason.unwrap();
        assert!(reason.contains(FULL) && reason.contains("nothing had changed"), "{reason}");
        assert_eq!(world.disk.state().core.phase, CorePhase::Idle);
        assert_eq!(update(&host, &Target::Core).await.ending, Some(Ending::Committed));
    }
}

#[tokio::test]
async fn what_had_failed_before_the_disk_refused_is_still_why_it_went_back() {
    let health = StepId::APP.iter().position(|step| *step == StepId::Health).unwrap();
    // Began, two for each step before, started, failed; then started and finished of rollback.
    for records in 3 + 2 * health..=5 + 2 * health {
        let world = world_with_update().await;
        let host = world.start();
        world.disk.fail(Point::Health, Fault::Version);
        let id = begun(&host, &target(), records).await;
        assert_eq!(mended(&host, &id).await, Ending::RolledBack, "full after {records}");
        let reason = end(&host, &id).await.reason.unwrap();
        assert!(reason.contains("trapped"), "full after {records}: {reason}");
        assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
        assert_eq!(world.disk.state().bad.len(), 1, "full after {records}");
    }
}

#[tokio::test]
async fn a_host_ends_it_by_itself_and_lets_nobody_wait_behind_the_hold_for_long() {
    let after = |step| 1 + 2 * (1 + StepId::APP.iter().position(|it| *it == step).unwrap());
    // Held, with nothing changed; and migrated.
    for (records, serves) in [(after(StepId::Hold), Some("1.0.0")), (after(StepId::Migrate), None)]
    {
        let world = world_with_update().await;
        let host = world.start();
        let mender = host.updater.clone().keep_mending(Ok(Recovered::Clean));
        let mender = tokio::spawn(mender);
        let id = begun(&host, &target(), records).await;
        assert_eq!(host.plugins.serves(&notes()), None, "it is held");
        let stopped = || {
            let serving = newleaf_update::port::Plugins::serving(&*host.plugins, &notes());
            serving.and_then(|serving| serving.stopped)
        };
        while stopped().is_none() && host.plugins.serves(&notes()).is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(host.plugins.serves(&notes()).as_deref(), serves);
        assert_eq!(stopped().is_some_and(|why| why.contains(FULL)), serves.is_none());
        host.launcher.refuse_after(None);
        while end_of(&host, &id).await.is_none() || host.plugins.serves(&notes()).is_none() {
            tokio::task::yield_now().await;
        }
        assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
        assert_eq!(written(&world), ["milk", "bread"]);
        mender.abort();
    }
}

async fn end_of(host: &Host, id: &UpdateId) -> Option<Ending> {
    host.updater.report(id).await.unwrap().unwrap().ending
}

#[tokio::test]
async fn an_update_that_runs_is_nobodys_to_mend() {
    let world = world_with_update().await;
    let host = world.start();
    host.launcher.set_way(newleaf_update::port::fake::LauncherWay::Waits);
    world.publisher().core("1.1.0", json!({}));
    world.publish();
    world.clock.set(world_now(&world).plus_seconds(3600));
    begin(&host, &Target::Core).await.unwrap();
    assert_eq!(host.updater.mend().await.unwrap(), None);
}

#[tokio::test]
async fn what_a_start_could_not_clear_up_is_cleared_up_later_by_itself() {
    let world = world_with_update().await;
    let host = world.start();
    let view = host.updater.plan(&target(), None).await.unwrap();
    host.launcher.die_after(5);
    let id = approve(&host, view.plan.id, Consent::Given).await.unwrap();
    until_dead(host).await;
    let next = world.start();
    next.launcher.refuse_after(Some(0));
    next.updater.recover().await.unwrap_err();
    told(&next, &id).await;
    assert_eq!(mended(&next, &id).await, Ending::Undone);
}
