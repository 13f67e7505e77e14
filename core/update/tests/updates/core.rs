//! Core: up to point A and followed after it, deferred without a host, and back.

use newleaf_domain::Target;
use newleaf_launcher::journal::{Ending, Entry, StepId};
use newleaf_launcher::state::CorePhase;
use newleaf_update::port::Launcher as _;
use newleaf_update::port::fake::{Fault, LauncherWay, Lie, Point, World, quick};
use newleaf_update::{BackYes, ExitClass, Explain as _, Settings, UndoStands};
use serde_json::json;

use crate::story::*;

fn world_with_core() -> World {
    let world = World::new();
    world.publisher().core("1.1.0", json!({"schema": 2, "oldest_reader": 1}));
    world.publish();
    world
}

#[tokio::test]
async fn core_is_updated_by_the_launcher_after_point_a() {
    let world = world_with_core();
    let host = world.start();
    let report = update(&host, &Target::Core).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    assert_eq!(world.disk.state().core.good.version.as_str(), "1.1.0");
    let steps = report.steps.iter().map(|row| row.step).collect::<Vec<_>>();
    assert_eq!(steps, StepId::CORE);
}

#[tokio::test]
async fn a_core_that_fails_its_probe_is_taken_back_and_stands_first_on_the_page() {
    let world = world_with_core();
    let host = world.start();
    host.launcher.set_way(LauncherWay::RollsBack);
    let report = update(&host, &Target::Core).await;
    assert_eq!(report.exit_class(), Some(ExitClass::RolledBack));
    let overview = host.updater.overview().await.unwrap();
    assert!(overview.notices[0].text.contains("503"), "{:?}", overview.notices);
    assert!(overview.core.offer.is_none());
    assert_eq!(overview.core.candidates.len(), 1);
}

#[tokio::test]
async fn a_program_that_fails_its_self_test_is_never_started() {
    let world = world_with_core();
    let host = world.start();
    world.disk.fail(Point::SelfTest, Fault::Version);
    let report = update(&host, &Target::Core).await;
    assert_eq!(report.exit_class(), Some(ExitClass::Failed));
    assert_eq!(report.failure().unwrap().0, StepId::Stage);
    let bad = world.disk.state().bad;
    assert!(bad[0].reason.contains("failed its self-test"), "{bad:?}");
    world.disk.mend();
    let refused = host.updater.plan(&Target::Core, None).await.unwrap_err().to_string();
    assert!(refused.contains("failed its self-test"), "{refused}");
}

#[tokio::test]
async fn a_program_that_is_not_what_was_signed_is_refused_by_name_and_marked() {
    let number = newleaf_domain::Version::parse("1.1.1").unwrap();
    let elsewhere = newleaf_domain::Platform::parse("riscv64-linux-musl").unwrap();
    for (lie, told) in [
        (Lie::Version(number), "says it is 1.1.1, but it was signed as 1.1.0"),
        (Lie::Schema(3), "writes schema 3, but it was signed with 2"),
        (Lie::Platform(elsewhere), "was built for riscv64-linux-musl, but it was signed for"),
    ] {
        let world = world_with_core();
        let host = world.start();
        world.disk.lie(lie);
        let report = update(&host, &Target::Core).await;
        assert_eq!(report.failure().unwrap().0, StepId::Stage, "{told}");
        let bad = world.disk.state().bad;
        assert!(bad[0].reason.contains(told), "{bad:?}");
        assert_eq!(world.disk.state().core.good.version.as_str(), "1.0.0");
    }
}

#[tokio::test]
async fn the_state_names_the_digest_of_the_program_that_was_staged() {
    let world = world_with_core();
    let host = world.start();
    update(&host, &Target::Core).await;
    let good = world.disk.state().core.good;
    assert_eq!(good.binary, Some(newleaf_domain::Digest::of(b"core 1.1.0")));
}

#[tokio::test]
async fn a_version_that_stands_in_for_a_damaged_one_says_so_on_the_page() {
    let world = world_with_core();
    let reason = "1.0.0 serves in the place of 1.1.0, which is damaged on disk";
    world.disk.edit_state(|state| state.core.stand_in = Some(reason.to_owned()));
    let overview = world.start().updater.overview().await.unwrap();
    assert_eq!(overview.notices[0].text, format!("Core {reason}."));
    assert_eq!(overview.notices[0].command.as_deref(), Some("newleaf update core"));
}

#[tokio::test]
async fn a_database_that_cannot_be_extended_leaves_the_old_core_serving() {
    for fault in [Fault::Version, Fault::Machine] {
        let world = world_with_core();
        let host = world.start();
        world.disk.fail(Point::Expand, fault);
        let report = update(&host, &Target::Core).await;
        assert_eq!(report.ending, Some(Ending::RolledBack), "{report:#?}");
        let core = world.disk.state().core;
        assert_eq!((core.phase, core.good.version.as_str()), (CorePhase::Idle, "1.0.0"));
    }
}

#[tokio::test]
async fn a_core_that_fails_to_extend_the_database_is_not_offered_again_and_a_full_disk_is_no_evidence()
 {
    let world = world_with_core();
    let host = world.start();
    world.disk.fail(Point::Expand, Fault::Machine);
    update(&host, &Target::Core).await;
    assert!(world.disk.state().bad.is_empty());
    world.disk.fail(Point::Expand, Fault::Version);
    update(&host, &Target::Core).await;
    let bad = world.disk.state().bad;
    assert!(bad.len() == 1 && bad[0].reason.contains("no such table"), "{bad:?}");
    world.disk.mend();
    let refused = host.updater.plan(&Target::Core, None).await.unwrap_err().to_string();
    assert!(refused.contains("no such table"), "{refused}");
    // An admin who asks for it by its version may try it again.
    let version = newleaf_domain::Version::parse("1.1.0").unwrap();
    let plan = host.updater.plan(&Target::Core, Some(version)).await.unwrap().plan.id;
    let id = approve(&host, plan, newleaf_update::Consent::Given).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Committed));
}

#[tokio::test]
async fn a_core_that_failed_is_marked_although_the_launcher_closed_its_update() {
    let world = world_with_core();
    let host = world.start();
    world.disk.fail(Point::Expand, Fault::Version);
    let plan = host.updater.plan(&Target::Core, None).await.unwrap().plan.id;
    host.launcher.die_after(3 + 2 * 6);
    let id = approve(&host, plan, newleaf_update::Consent::Given).await.unwrap();
    until_dead(host).await;
    // As the launcher does at its start, before any worker may.
    let next = world.start();
    world.disk.edit_state(|state| state.core.phase = CorePhase::Idle);
    let ended = Entry::Ended { ending: Ending::Undone, reason: None };
    next.launcher.append(Some(&id), ended).await.unwrap();
    assert_eq!(next.updater.recover().await.unwrap(), newleaf_update::Recovered::Clean);
    assert_eq!(world.disk.state().bad.len(), 1);
    assert!(next.updater.plan(&Target::Core, None).await.is_err());
}

#[tokio::test]
async fn a_core_that_failed_to_extend_the_database_is_marked_although_the_host_was_killed() {
    // Began, two for each step before expand, its two; then those of the way back.
    for records in 3 + 2 * 6..=5 + 2 * 6 {
        let world = world_with_core();
        let host = world.start();
        world.disk.fail(Point::Expand, Fault::Version);
        let plan = host.updater.plan(&Target::Core, None).await.unwrap().plan.id;
        host.launcher.die_after(records);
        let id = approve(&host, plan, newleaf_update::Consent::Given).await.unwrap();
        until_dead(host).await;
        let next = world.start();
        next.updater.recover().await.unwrap();
        assert_eq!(end(&next, &id).await.ending, Some(Ending::RolledBack), "{records}");
        let state = world.disk.state();
        assert_eq!((state.core.phase, state.bad.len()), (CorePhase::Idle, 1), "{records}");
    }
}

#[tokio::test]
async fn without_a_host_too_the_extension_gets_ten_times_its_rehearsed_time() {
    for (least, expected) in [(100, 300), (60_000, 60_000)] {
        let world = world_with_core();
        let expand_within = std::time::Duration::from_millis(least);
        let host = world.start_with(Settings { expand_within, ..quick() });
        host.launcher.set_way(LauncherWay::Absent);
        update(&host, &Target::Core).await;
        let trial = world.disk.state().core.trial.unwrap();
        assert_eq!(trial.expand_within_ms, Some(expected), "it was rehearsed in 30 ms");
    }
}

#[tokio::test]
async fn without_a_host_the_switch_waits_for_the_next_start() {
    let world = world_with_core();
    let host = world.start();
    host.launcher.set_way(LauncherWay::Absent);
    let report = update(&host, &Target::Core).await;
    assert_eq!((report.ending, report.exit_class()), (Some(Ending::Deferred), None));
    let core = world.disk.state().core;
    assert_eq!(core.trial.unwrap().slot.version.as_str(), "1.1.0");
    let sentence = host.updater.overview().await.unwrap().sentence;
    assert_eq!(sentence, "Newleaf 1.1.0 is staged and takes effect at the next start of the host.");
    let id = report.id.clone();
    assert_eq!(host.updater.overview().await.unwrap().running, None);
    let staged = host
        .updater
        .rollback(&Target::Core, BackYes::WHATEVER, "ada".to_owned())
        .await
        .unwrap_err();
    assert_eq!(
        staged.to_string(),
        "core 1.1.0 is staged already and takes effect at the next start of the host"
    );
    assert_eq!(staged.class(), ExitClass::Busy);
    assert!(staged.todo().contains(": newleaf serve;"), "{}", staged.todo());
    assert!(matches!(staged, newleaf_update::StartError::Staged { update, .. } if update == id));
    host.launcher.set_way(LauncherWay::Commits);
    let busy = host
        .updater
        .rollback(&Target::Core, BackYes::WHATEVER, "ada".to_owned())
        .await
        .unwrap_err();
    assert!(matches!(busy, newleaf_update::StartError::Busy { running } if running == id));
}

#[tokio::test]
async fn core_goes_back_by_hand_in_code_only() {
    let world = world_with_core();
    let host = world.start();
    update(&host, &Target::Core).await;
    let id =
        host.updater.rollback(&Target::Core, BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Committed));
    assert_eq!(world.disk.state().core.good.version.as_str(), "1.0.0");
}

#[tokio::test]
async fn a_core_before_is_not_offered_once_a_newer_one_took_away_what_it_needs() {
    let world = world_with_core();
    let host = world.start();
    update(&host, &Target::Core).await;
    let undo = host.updater.overview().await.unwrap().core.undo.unwrap();
    assert_eq!(undo.version.as_str(), "1.0.0");
    // It takes away what schema 1 needs, fails, and is taken back; what it took away is gone.
    world.publisher().core("1.2.0", json!({"schema": 3, "oldest_reader": 1}));
    world.publish();
    world.clock.set(world_now(&world).plus_seconds(3600));
    host.launcher.set_way(LauncherWay::RollsBack);
    assert_eq!(update(&host, &Target::Core).await.ending, Some(Ending::RolledBack));
    assert_eq!(world.disk.state().core.good.version.as_str(), "1.1.0");
    assert_eq!(host.updater.overview().await.unwrap().core.undo, None);
    let refused = host
        .updater
        .rollback(&Target::Core, BackYes::WHATEVER, "ada".to_owned())
        .await
        .unwrap_err();
    assert_eq!(newleaf_update::Explain::class(&refused), ExitClass::Blocked);
    assert!(refused.to_string().contains("needs a program of 2 or newer"), "{refused}");
}

#[tokio::test]
async fn a_new_worker_leaves_a_trial_to_the_launcher() {
    let world = world_with_core();
    let host = world.start();
    host.launcher.set_way(LauncherWay::Waits);
    let id = begin(&host, &Target::Core).await.unwrap();
    let mut watch = std::pin::pin!(host.updater.watch(&id, 0));
    while world.disk.state().core.phase != CorePhase::Trial {
        futures_util::StreamExt::next(&mut watch).await;
        tokio::task::yield_now().await;
    }
    let next = world.start();
    let found = next.updater.recover().await.unwrap();
    assert_eq!(found, newleaf_update::Recovered::WithLauncher(id));
}

/// The worker that serves after a core was taken back comes up before the launcher's last records
/// are on disk.
#[tokio::test]
async fn a_new_worker_leaves_the_end_of_a_way_back_to_the_launcher() {
    let world = world_with_core();
    let host = world.start();
    host.launcher.set_way(LauncherWay::Waits);
    let id = begin(&host, &Target::Core).await.unwrap();
    let mut watch = std::pin::pin!(host.updater.watch(&id, 0));
    while world.disk.state().core.phase != CorePhase::Trial {
        futures_util::StreamExt::next(&mut watch).await;
        tokio::task::yield_now().await;
    }
    for step in [StepId::Activate, StepId::Rollback] {
        host.launcher.append(Some(&id), Entry::Started { step }).await.unwrap();
    }
    world.disk.edit_state(|state| (state.core.phase, state.core.trial) = (CorePhase::Idle, None));
    let next = world.start();
    let records = next.launcher.records(0).await.unwrap().len();
    let found = next.updater.recover().await.unwrap();
    assert_eq!(found, newleaf_update::Recovered::WithLauncher(id.clone()));
    assert_eq!(next.launcher.records(0).await.unwrap().len(), records, "it goes back by itself");
    let ended = Entry::Ended { ending: Ending::RolledBack, reason: None };
    next.launcher.append(Some(&id), ended).await.unwrap();
    assert_eq!(end(&next, &id).await.exit_class(), Some(ExitClass::RolledBack));
}

#[tokio::test]
async fn a_core_that_fails_on_a_copy_of_the_data_is_stopped_before_anything_changed() {
    let world = world_with_core();
    let host = world.start();
    world.disk.fail(Point::Rehearse, Fault::Version);
    let report = update(&host, &Target::Core).await;
    assert_eq!(report.exit_class(), Some(ExitClass::Failed));
    let (step, failure) = report.failure().unwrap();
    assert_eq!(step, StepId::Rehearse);
    assert!(failure.what.contains("on a copy of the data"), "{failure:?}");
    assert!(failure.what.contains("503"), "{failure:?}");
    let state = world.disk.state();
    assert_eq!((state.core.phase, state.bad.len()), (CorePhase::Idle, 1));
}

#[tokio::test]
async fn a_core_with_which_an_app_breaks_is_refused_and_both_stay_as_they_were() {
    let world = world_with_update().await;
    world.publisher().core("1.1.0", json!({}));
    world.publish();
    world.clock.set(world_now(&world).plus_seconds(3600));
    let host = world.start();
    let before = world.disk.state();
    world.disk.fail(Point::Prewarm, Fault::Version);
    let report = update(&host, &Target::Core).await;
    let (step, failure) = report.failure().unwrap();
    assert_eq!((step, report.ending), (StepId::Prewarm, Some(Ending::Failed)));
    assert!(failure.what.contains("acme/notes") && failure.what.contains("acme:old/clock"));
    assert!(failure.todo.contains("switch off these apps"), "{failure:?}");
    let state = world.disk.state();
    assert_eq!(
        (&state.core.good, &state.apps, &state.bad),
        (&before.core.good, &before.apps, &before.bad)
    );
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    world.disk.mend();
    assert_eq!(update(&host, &Target::Core).await.ending, Some(Ending::Committed));
}

#[tokio::test]
async fn a_machine_that_cannot_rehearse_is_told_and_stops_nobody() {
    let world = world_with_core();
    let host = world.start();
    world.disk.fail(Point::Rehearse, Fault::Machine);
    let report = update(&host, &Target::Core).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    let told = step_of(&report, StepId::Rehearse);
    assert!(told.contains("no memory is left"), "{told}");
}

#[tokio::test]
async fn where_the_copy_does_not_fit_the_update_says_so_with_both_numbers() {
    let world = world_with_core();
    let host = world.start();
    world.disk.set_rehearsal_needs(newleaf_domain::ByteSize::mib(12 * 1024));
    let report = update(&host, &Target::Core).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    let told = step_of(&report, StepId::Rehearse);
    assert!(told.contains("not rehearsed: needs 12 GiB, 4 GiB free"), "{told}");
}

/// What is told of a step that passed.
fn step_of(report: &newleaf_update::view::Report, step: StepId) -> String {
    let row = report.steps.iter().find(|row| row.step == step).unwrap();
    format!("{row:?}")
}

#[tokio::test]
async fn undo_is_offered_with_its_date_and_refused_after_it_with_both_numbers() {
    let world = world_with_core();
    let host = world.start();
    update(&host, &Target::Core).await;
    let undo = host.updater.overview().await.unwrap().core.undo.unwrap();
    let until = undo.until.unwrap();
    assert_eq!(until.seconds_since(world_now(&world)), 7 * 24 * 60 * 60);
    world.clock.set(until.plus_seconds(-1));
    let left = std::time::Duration::from_secs(1);
    assert_eq!(host.updater.end_undo().await.unwrap(), UndoStands::Open { left });
    assert!(host.updater.overview().await.unwrap().core.undo.is_some());
    world.clock.set(until);
    assert_eq!(host.updater.end_undo().await.unwrap(), UndoStands::Ended { schema: 2 });
    assert_eq!(world.disk.state().core.good.oldest_reader, 2, "the launcher knows it too");
    let again = host.updater.end_undo().await.unwrap();
    assert_eq!(again, UndoStands::Settled, "there is nothing left to do");
    assert_eq!(host.updater.overview().await.unwrap().core.undo, None);
    let refused = host
        .updater
        .rollback(&Target::Core, BackYes::WHATEVER, "ada".to_owned())
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "core 1.0.0 cannot run on the data as it is: it writes schema 1, the data needs a program \
         of 2 or newer"
    );
}

#[tokio::test]
async fn a_clock_that_jumps_takes_undo_away_only_once_it_has_gone_evenly_for_a_day() {
    const DAY: i64 = 86_400;
    let world = world_with_core();
    let host = world.start();
    update(&host, &Target::Core).await;
    let pass = |seconds: i64| world.clock.set(world_now(&world).plus_seconds(seconds));
    let open = |seconds: i64| UndoStands::Open {
        left: std::time::Duration::from_secs(u64::try_from(seconds).unwrap()),
    };
    world.ground.jump(30 * DAY);
    assert_eq!(host.updater.end_undo().await.unwrap(), open(DAY));
    pass(DAY - 1);
    assert_eq!(host.updater.end_undo().await.unwrap(), open(1));
    // Set right again: the date is what it was, and nothing has gone.
    world.ground.jump(-30 * DAY);
    assert_eq!(host.updater.end_undo().await.unwrap(), open(6 * DAY + 1));
    assert!(
        host.updater.rollback(&Target::Core, BackYes::WHATEVER, "ada".to_owned()).await.is_ok()
    );
}

#[tokio::test]
async fn a_host_that_starts_with_a_wrong_clock_takes_nothing_away_at_once() {
    let world = world_with_core();
    let host = world.start();
    update(&host, &Target::Core).await;
    drop(host);
    world.clock.set(world_now(&world).plus_seconds(30 * 86_400));
    let host = world.start();
    let left = std::time::Duration::from_hours(24);
    assert_eq!(host.updater.end_undo().await.unwrap(), UndoStands::Open { left });
    world.clock.set(world_now(&world).plus_seconds(86_400));
    assert_eq!(host.updater.end_undo().await.unwrap(), UndoStands::Ended { schema: 2 });
}

#[tokio::test]
async fn undo_to_a_version_of_the_same_schema_has_no_end() {
    let world = World::new();
    world.publisher().core("1.1.0", json!({"schema": 1, "oldest_reader": 1}));
    world.publish();
    let host = world.start();
    update(&host, &Target::Core).await;
    let undo = host.updater.overview().await.unwrap().core.undo.unwrap();
    assert_eq!((undo.version.as_str(), undo.until), ("1.0.0", None));
}

#[tokio::test]
async fn a_rehearsal_changes_nothing_and_the_plan_tells_what_it_learnt() {
    let world = world_with_core();
    let host = world.start();
    let note = host.updater.rehearse(&Target::Core, None, "ada").await.unwrap();
    assert!(note.is_good(), "{note:?}");
    let plan = host.updater.plan(&Target::Core, None).await.unwrap();
    assert_eq!(plan.rehearsal, Some(note));
    let state = world.disk.state();
    assert_eq!((state.core.good.version.as_str(), state.core.phase), ("1.0.0", CorePhase::Idle));
    assert_eq!(host.updater.history().await.unwrap(), [], "a rehearsal is no update");
}

#[tokio::test]
async fn what_a_rehearsal_finds_wrong_is_told_and_not_held_against_the_version() {
    let world = world_with_core();
    let host = world.start();
    world.disk.fail(Point::Rehearse, Fault::Version);
    let note = host.updater.rehearse(&Target::Core, None, "ada").await.unwrap();
    assert!(!note.is_good());
    assert!(note.sentences()[0].contains("503"), "{:?}", note.sentences());
    assert_eq!(world.disk.state().bad, []);
    let plan = host.updater.plan(&Target::Core, None).await.unwrap();
    assert_eq!(plan.rehearsal, Some(note));
}
