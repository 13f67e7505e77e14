//! A plan that was approved is carried out as it was read, or not at all.

use newleaf_domain::Target;
use newleaf_plan::{Installed, PLAN_LIFETIME_SECONDS, Plan, Policy, Stale, plan, recheck};

use crate::world::{NOW, Release, exactly, host_with_notes, name, newest, notes, repository};

fn approved(installed: &Installed, releases: &[Release]) -> Plan {
    let targets = repository(releases);
    plan(installed, &targets, &Policy::default(), &newest(), NOW).plan().cloned().unwrap()
}

/// Why `plan` is stale once the host and the repository are these.
fn stale_at(plan: &Plan, installed: &Installed, releases: &[Release], after: i64) -> Option<Stale> {
    let now = NOW.plus_seconds(after);
    recheck(plan, installed, &repository(releases), &Policy::default(), &newest(), now).1
}

#[test]
fn a_plan_holds_while_nothing_moves() {
    let host = host_with_notes("1.0.0", 0);
    let releases = [notes("2.0.0")];
    let plan = approved(&host, &releases);
    assert_eq!(stale_at(&plan, &host, &releases, PLAN_LIFETIME_SECONDS), None);
    let targets = repository(&releases);
    let again = recheck(&plan, &host, &targets, &Policy::default(), &newest(), NOW).0;
    assert_eq!(again.plan(), Some(&plan));
}

#[test]
fn a_plan_of_yesterday_is_refused() {
    let host = host_with_notes("1.0.0", 0);
    let releases = [notes("2.0.0")];
    let plan = approved(&host, &releases);
    let stale = stale_at(&plan, &host, &releases, PLAN_LIFETIME_SECONDS + 1);
    assert!(matches!(stale, Some(Stale::TooOld { .. })), "{stale:?}");
}

#[test]
fn a_plan_from_another_state_is_refused() {
    let host = host_with_notes("1.0.0", 0);
    let releases = [notes("2.0.0")];
    let plan = approved(&host, &releases);
    let moved = Installed { seq: host.seq + 1, ..host };
    let stale = stale_at(&plan, &moved, &releases, 0);
    assert_eq!(stale, Some(Stale::StateMoved { planned: 7, actual: 8 }));
}

#[test]
fn a_plan_that_the_repository_has_moved_past_is_refused() {
    let host = host_with_notes("1.0.0", 0);
    let plan = approved(&host, &[notes("2.0.0")]);
    let why = |releases: &[Release]| stale_at(&plan, &host, releases, 0).unwrap().to_string();
    let newer = [notes("2.0.0"), notes("2.0.1")];
    assert_eq!(why(&newer), "it leads to 2.0.0, which is followed by 2.0.1 by now");
    let other = [notes("2.0.0").with("schema", 1)];
    assert_eq!(why(&other), "it leads to 2.0.0, which is described otherwise by now");
    assert_eq!(why(&[]), "it leads to 2.0.0, which is not offered by now");
}

#[test]
fn a_plan_for_an_asked_version_survives_a_newer_release() {
    let host = host_with_notes("1.0.0", 0);
    let targets = repository(&[notes("2.0.0"), notes("2.0.1")]);
    let request = exactly("2.0.0");
    let made = plan(&host, &targets, &Policy::default(), &request, NOW).plan().cloned().unwrap();
    assert_eq!(made.changes[0].target, Target::App(name()));
    assert_eq!(recheck(&made, &host, &targets, &Policy::default(), &request, NOW).1, None);
}

#[test]
fn a_plan_whose_content_was_changed_under_its_id_is_not_what_is_carried_out() {
    let host = host_with_notes("1.0.0", 0);
    let releases = [notes("2.0.0")];
    let mut forged = approved(&host, &releases);
    forged.changes[0].grants = vec![newleaf_domain::Grant::Schedule {
        job: newleaf_domain::JobName::default(),
        every_seconds: 60,
    }]
    .into();
    let targets = repository(&releases);
    let (again, stale) = recheck(&forged, &host, &targets, &Policy::default(), &newest(), NOW);
    assert_eq!(stale, None);
    assert!(again.plan().unwrap().changes[0].grants.iter().next().is_none());
}
