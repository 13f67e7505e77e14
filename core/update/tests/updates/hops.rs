//! Plans of several hops: carried out one after the other, stopped at the first that fails, gone on
//! with by whoever serves next.

use newleaf_domain::{PlanId, Target, UpdateId};
use newleaf_launcher::journal::{Ending, StepId};
use newleaf_update::port::fake::{Fault, Host, LauncherWay, Point, World};
use newleaf_update::view::{Journey, JourneyStanding, Report};
use newleaf_update::{BackYes, Consent, LeftBehind};
use serde_json::{Value, json};

use crate::story::*;

fn stone(mut manifest: Value) -> Value {
    manifest["stepping_stone"] = true.into();
    manifest
}

/// A host with core 1.0.0; 1.1.0 and 1.2.0 are stepping stones on the way to 1.3.0.
fn world_with_cores() -> World {
    let world = World::new();
    let schema = |schema| json!({"schema": schema, "oldest_reader": 1});
    world.publisher().core("1.1.0", stone(schema(1)));
    world.publisher().core("1.2.0", stone(schema(2)));
    world.publisher().core("1.3.0", schema(3));
    world.publish();
    world
}

/// Notes 1.0.0 is installed and holds two notes; 1.5.0 is a stepping stone to 2.0.0.
async fn world_with_stone() -> World {
    let world = world_with_update().await;
    world.publisher().app("acme/notes", "1.5.0", stone(wants(1, 1, 4)));
    world.publish();
    world
}

async fn planned(host: &Host, target: &Target) -> PlanId {
    host.updater.plan(target, None).await.unwrap().plan.id
}

async fn journey(host: &Host, plan: &PlanId) -> Journey {
    host.updater.journey(plan).await.unwrap().unwrap()
}

/// Follows a plan from its first update to where it does not go on; gives every update's report.
async fn all_the_way(host: &Host, first: UpdateId) -> Vec<Report> {
    let mut reports = vec![end(host, &first).await];
    while let Some(next) = host.updater.go_on().await.unwrap() {
        reports.push(end(host, &next).await);
    }
    reports
}

fn core(world: &World) -> String {
    world.disk.state().core.good.version.to_string()
}

#[tokio::test]
async fn every_hop_is_an_update_of_its_own() {
    let world = world_with_cores();
    let host = world.start();
    let plan = planned(&host, &Target::Core).await;
    assert_eq!(journey(&host, &plan).await.standing, JourneyStanding::Waiting);
    let first = approve(&host, plan.clone(), Consent::NotGiven).await.unwrap();
    let reports = all_the_way(&host, first).await;
    assert_eq!(core(&world), "1.3.0");
    let told = |report: &Report| {
        let from = report.from.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{from} -> {} by {}, {:?}", report.to, report.by, report.ending)
    };
    assert_eq!(
        reports.iter().map(told).collect::<Vec<_>>(),
        [
            "1.0.0 -> 1.1.0 by cli:ada, Some(Committed)",
            "1.1.0 -> 1.2.0 by cli:ada, Some(Committed)",
            "1.2.0 -> 1.3.0 by cli:ada, Some(Committed)",
        ]
    );
    assert!(
        reports
            .iter()
            .all(|report| report.plan == plan && report.steps.len() == StepId::CORE.len())
    );
    let journey = journey(&host, &plan).await;
    assert_eq!(journey.standing, JourneyStanding::Done);
    assert_eq!(journey.number_of(&reports[1].id), Some(2));
    assert_eq!(host.updater.go_on().await.unwrap(), None);
}

#[tokio::test]
async fn it_stops_at_the_first_hop_that_fails_on_a_working_version() {
    let world = world_with_cores();
    let host = world.start();
    let plan = planned(&host, &Target::Core).await;
    let first = approve(&host, plan.clone(), Consent::NotGiven).await.unwrap();
    end(&host, &first).await;
    host.launcher.set_way(LauncherWay::RollsBack);
    let second = host.updater.go_on().await.unwrap().unwrap();
    assert_eq!(end(&host, &second).await.ending, Some(Ending::RolledBack));
    assert_eq!(host.updater.go_on().await.unwrap(), None);
    assert_eq!(core(&world), "1.1.0");
    let JourneyStanding::Stopped { why } = journey(&host, &plan).await.standing else {
        panic!("it goes on")
    };
    assert_eq!(why, "1.2.0 answered its probe with 503");
    assert!(host.updater.overview().await.unwrap().notices[0].text.contains("503"));
}

#[tokio::test]
async fn a_hop_that_is_not_what_was_approved_is_a_failure_with_its_reason() {
    let world = world_with_cores();
    let host = world.start();
    let plan = planned(&host, &Target::Core).await;
    let first = approve(&host, plan.clone(), Consent::NotGiven).await.unwrap();
    end(&host, &first).await;
    world.publisher().core("1.2.5", stone(json!({"schema": 2, "oldest_reader": 1})));
    world.publish();
    host.updater.check().await.unwrap();
    let second = host.updater.go_on().await.unwrap().unwrap();
    let report = end(&host, &second).await;
    assert_eq!(report.ending, Some(Ending::Failed));
    let (step, failure) = report.failure().unwrap();
    assert_eq!(step, StepId::Check);
    assert_eq!(
        failure.what,
        "the rest of the plan is out of date: it leads to 1.3.0, which is reached by another way by now"
    );
    assert_eq!(core(&world), "1.1.0");
    assert!(matches!(journey(&host, &plan).await.standing, JourneyStanding::Stopped { .. }));
}

#[tokio::test]
async fn whoever_serves_next_goes_on() {
    let world = world_with_cores();
    let host = world.start();
    let plan = planned(&host, &Target::Core).await;
    let first = approve(&host, plan.clone(), Consent::NotGiven).await.unwrap();
    end(&host, &first).await;
    drop(host);
    let next = world.start();
    next.updater.recover().await.unwrap();
    let going = tokio::spawn(next.updater.clone().keep_going(LeftBehind::TakeUp));
    while journey(&next, &plan).await.standing != JourneyStanding::Done {
        tokio::task::yield_now().await;
    }
    going.abort();
    assert_eq!(core(&world), "1.3.0");
}

#[tokio::test]
async fn who_came_for_something_else_leaves_a_plan_that_another_began() {
    let world = world_with_stone().await;
    let host = world.start();
    let plan = planned(&host, &target()).await;
    let first = approve(&host, plan.clone(), Consent::Given).await.unwrap();
    end(&host, &first).await;
    let other = world.start();
    let going = tokio::spawn(other.updater.clone().keep_going(LeftBehind::Leave));
    // Another target's update ends meanwhile.
    world.publisher().core("1.1.0", json!({"schema": 1, "oldest_reader": 1}));
    world.publish();
    other.updater.check().await.unwrap();
    assert_eq!(update(&other, &Target::Core).await.ending, Some(Ending::Committed));
    going.abort();
    assert_eq!(good(&world).as_deref(), Some("1.5.0"));
}

#[tokio::test]
async fn going_back_between_two_hops_ends_the_plan() {
    let world = world_with_cores();
    let host = world.start();
    let plan = planned(&host, &Target::Core).await;
    let first = approve(&host, plan.clone(), Consent::NotGiven).await.unwrap();
    end(&host, &first).await;
    let back =
        host.updater.rollback(&Target::Core, BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    end(&host, &back).await;
    assert_eq!(host.updater.go_on().await.unwrap(), None);
    assert_eq!(core(&world), "1.0.0");
    let JourneyStanding::Stopped { why } = journey(&host, &plan).await.standing else {
        panic!("it goes on")
    };
    assert_eq!(why, "another update of core came between");
}

#[tokio::test]
async fn a_plan_is_not_gone_on_with_the_day_after() {
    let world = world_with_cores();
    let host = world.start();
    let plan = planned(&host, &Target::Core).await;
    let first = approve(&host, plan.clone(), Consent::NotGiven).await.unwrap();
    end(&host, &first).await;
    world.clock.set(world_now(&world).plus_seconds(86_401));
    world.publish();
    let second = host.updater.go_on().await.unwrap().unwrap();
    let reason = end(&host, &second).await.reason.unwrap();
    assert!(reason.contains("more than a day before"), "{reason}");
    assert_eq!(host.updater.go_on().await.unwrap(), None);
}

#[tokio::test]
async fn a_yes_covers_every_hop_and_is_asked_for_before_the_first() {
    let world = world_with_stone().await;
    let host = world.start();
    let plan = planned(&host, &target()).await;
    let refused = approve(&host, plan.clone(), Consent::NotGiven).await.unwrap_err();
    assert!(matches!(refused, newleaf_update::StartError::ConsentNeeded { .. }), "{refused}");
    let first = approve(&host, plan, Consent::Given).await.unwrap();
    assert_eq!(all_the_way(&host, first).await.len(), 2);
    assert_eq!((good(&world).as_deref(), written(&world).len()), (Some("2.0.0"), 2));
}

#[tokio::test]
async fn a_host_killed_after_any_record_goes_on_to_the_end() {
    // Two updates of an app: each began, two records for each step, ended.
    let records = 2 * (2 + 2 * StepId::APP.len());
    for killed in 1..records {
        let world = world_with_stone().await;
        let host = world.start();
        let plan = planned(&host, &target()).await;
        host.launcher.die_after(killed);
        approve(&host, plan.clone(), Consent::Given).await.unwrap();
        // The task holds the updater for as long as it follows the news; it is ended with the host.
        let going = tokio::spawn(host.updater.clone().keep_going(LeftBehind::TakeUp));
        while host.launcher.is_alive() {
            tokio::task::yield_now().await;
        }
        going.abort();
        let _ended = going.await;
        until_dead(host).await;

        let next = world.start();
        next.updater.recover().await.unwrap();
        let going = tokio::spawn(next.updater.clone().keep_going(LeftBehind::TakeUp));
        while journey(&next, &plan).await.standing == JourneyStanding::UnderWay {
            tokio::task::yield_now().await;
        }
        going.abort();
        let journey = journey(&next, &plan).await;
        assert_eq!(journey.standing, JourneyStanding::Done, "killed after {killed}: {journey:#?}");
        assert_eq!(
            next.plugins.serves(&notes()).as_deref(),
            Some("2.0.0"),
            "killed after {killed}"
        );
        assert_eq!(written(&world), ["milk", "bread"], "killed after {killed}");
    }
}

#[tokio::test]
async fn a_hop_that_brings_the_host_down_each_time_is_given_up() {
    let world = world_with_stone().await;
    let host = world.start();
    let plan = planned(&host, &target()).await;
    host.launcher.die_after(4);
    approve(&host, plan.clone(), Consent::Given).await.unwrap();
    until_dead(host).await;
    for _ in 0..2 {
        let next = world.start();
        next.updater.recover().await.unwrap();
        next.launcher.die_after(4);
        assert!(next.updater.go_on().await.unwrap().is_some());
        until_dead(next).await;
    }
    let last = world.start();
    last.updater.recover().await.unwrap();
    assert_eq!(last.updater.go_on().await.unwrap(), None);
    assert!(matches!(journey(&last, &plan).await.standing, JourneyStanding::Stopped { .. }));
    assert_eq!(good(&world).as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn a_machine_that_fails_at_a_hop_stops_the_plan_with_its_reason() {
    let world = world_with_stone().await;
    let host = world.start();
    let plan = planned(&host, &target()).await;
    world.disk.fail(Point::Migrate, Fault::Machine);
    let first = approve(&host, plan.clone(), Consent::Given).await.unwrap();
    let reports = all_the_way(&host, first).await;
    // 1.5.0 has the schema of the data and migrates nothing; 2.0.0 does.
    assert_eq!(reports.len(), 2);
    assert_eq!(good(&world).as_deref(), Some("1.5.0"));
    assert!(matches!(journey(&host, &plan).await.standing, JourneyStanding::Stopped { .. }));
}
