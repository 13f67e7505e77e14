//! Apps: installed, updated, taken back by themselves and by hand.

use newleaf_domain::{ByteSize, Digest};
use newleaf_launcher::journal::{Ending, Outcome, StepId};
use newleaf_update::port::Faults;
use newleaf_update::port::fake::{Fault, LauncherWay, Point, World, quick};
use newleaf_update::view::StepStanding;
use newleaf_update::{AppData, BackYes, ExitClass, OnDataLoss, Settings, StartError};

use crate::story::*;

#[tokio::test]
async fn an_app_is_installed_updated_and_keeps_its_data() {
    let world = world_with_update().await;
    let host = world.start();
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
    assert_eq!((written(&world), schema(&world)), (vec!["milk".to_owned(), "bread".to_owned()], 2));
    let app = world.disk.state().apps[&notes()].clone();
    assert_eq!(app.previous.unwrap().version.as_str(), "1.0.0");
    assert_eq!(app.good.unwrap().grants.storage_quota(), Some(ByteSize::mib(16)));
    assert_eq!(world.disk.slots().len(), 2);
}

#[tokio::test]
async fn a_check_in_the_middle_of_an_install_does_not_change_the_signer_that_is_pinned() {
    let quiet = world();
    assert!(update(&quiet.start(), &target()).await.exit_class().is_none());

    let world = world();
    let host = world.start();
    let id = begin(&host, &target()).await.unwrap();
    world.publisher().claim("acme", 77);
    world.publish();
    world.clock.set(world_now(&world).plus_seconds(3600));
    host.updater.check().await.unwrap();
    assert!(end(&host, &id).await.exit_class().is_none());
    assert_eq!(world.disk.pins(), quiet.disk.pins());
}

#[tokio::test]
async fn the_first_install_pins_the_authors_signer() {
    let world = world();
    let host = world.start();
    assert!(world.disk.pins().is_empty());
    update(&host, &target()).await;
    assert_eq!(world.disk.pins()[0].ns.as_str(), "acme");
}

#[tokio::test]
async fn every_step_stands_in_the_report_in_its_order() {
    let world = world_with_update().await;
    let host = world.start();
    let report = update(&host, &target()).await;
    let steps = report.steps.iter().map(|row| row.step).collect::<Vec<_>>();
    assert_eq!(steps, StepId::APP);
    assert!(report.steps.iter().all(|row| matches!(row.standing, StepStanding::Over { .. })));
}

/// Fails an update at `point`; returns the world after it.
async fn failed_at(point: Point, fault: Fault, ending: Ending) -> World {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(point, fault);
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(ending), "{point:?}: {report:#?}");
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"), "{point:?}");
    assert_eq!(written(&world), ["milk", "bread"], "{point:?}");
    assert_eq!((good(&world).as_deref(), schema(&world)), (Some("1.0.0"), 1), "{point:?}");
    assert!(world.disk.state().apps[&notes()].trial.is_none());
    world
}

#[tokio::test]
async fn a_failure_before_anything_changed_leaves_the_old_version_serving() {
    for point in [Point::Unpack, Point::Prepare] {
        failed_at(point, Fault::Machine, Ending::Failed).await;
    }
}

#[tokio::test]
async fn a_failure_after_something_changed_is_taken_back() {
    for point in [Point::Drain, Point::Snapshot, Point::Migrate, Point::Health] {
        failed_at(point, Fault::Machine, Ending::RolledBack).await;
    }
}

#[tokio::test]
async fn a_version_that_fails_is_not_offered_again_and_a_full_disk_is_no_evidence() {
    let world = failed_at(Point::Migrate, Fault::Version, Ending::RolledBack).await;
    assert_eq!(world.disk.state().bad.len(), 1);
    world.disk.mend();
    let refused = world.start().updater.plan(&target(), None).await.unwrap_err();
    assert!(refused.to_string().contains("failed on this host before"), "{refused}");
    let world = failed_at(Point::Migrate, Fault::Machine, Ending::RolledBack).await;
    assert!(world.disk.state().bad.is_empty());
}

#[tokio::test]
async fn a_version_that_fails_before_anything_changed_by_its_own_fault_is_not_offered_again() {
    for point in [Point::Unpack, Point::Prepare] {
        let world = failed_at(point, Fault::Version, Ending::Failed).await;
        let bad = world.disk.state().bad;
        assert_eq!(bad.len(), 1, "{point:?}");
        world.disk.mend();
        let refused = world.start().updater.plan(&target(), None).await.unwrap_err().to_string();
        assert!(refused.contains(&bad[0].reason), "{point:?}: {refused}");
        let world = failed_at(point, Fault::Machine, Ending::Failed).await;
        assert!(world.disk.state().bad.is_empty(), "{point:?}");
    }
}

#[tokio::test]
async fn a_first_install_that_does_not_compile_leaves_no_entry_and_is_marked() {
    let world = world();
    let host = world.start();
    world.disk.fail(Point::Prepare, Fault::Version);
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Failed));
    assert!(world.disk.state().apps.is_empty());
    assert_eq!(world.disk.state().bad.len(), 1);
}

#[tokio::test]
async fn a_version_that_misbehaves_in_probation_goes_back_with_its_data() {
    let world = failed_at(Point::Probation, Fault::Version, Ending::RolledBack).await;
    assert_eq!(world.disk.state().bad.len(), 1);
}

#[tokio::test]
async fn a_probation_is_not_passed_while_requests_hang() {
    let world = world_with_update().await;
    let probation = std::time::Duration::from_millis(10);
    let host = world.start_with(Settings { probation, ..quick() });
    world.disk.fail(Point::Verdict, Fault::Version);
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::RolledBack), "{report:#?}");
    assert!(report.reason.unwrap().contains("has had no answer for 30 s"));
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn what_went_wrong_within_what_is_allowed_is_told() {
    let faults =
        |traps, server_errors, hanging| Faults { traps, server_errors, hanging, refused: 0 };
    for (faults, told) in [
        (Faults::default(), "without a fault"),
        (faults(1, 0, 0), "with 1 breakdown, within what is allowed"),
        (
            faults(2, 7, 1),
            "with 2 breakdowns, 7 answers of class 5xx and 1 request without an answer, all within \
             what is allowed",
        ),
    ] {
        let world = world_with_update().await;
        world.disk.set_counted(faults);
        let probation = std::time::Duration::from_millis(10);
        let report = update(&world.start_with(Settings { probation, ..quick() }), &target()).await;
        let commit = report.steps.iter().find(|row| row.step == StepId::Commit).unwrap();
        let outcome = Outcome::Done { detail: format!("0 s {told}") };
        assert_eq!(commit.standing, StepStanding::Over { outcome });
    }
}

#[tokio::test]
async fn an_app_goes_back_by_hand_and_its_grants_go_back_too() {
    let world = world_with_update().await;
    let host = world.start();
    update(&host, &target()).await;
    let id = host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    let report = end(&host, &id).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    assert_eq!((written(&world).len(), schema(&world)), (2, 1));
    let app = world.disk.state().apps[&notes()].clone();
    assert_eq!(app.good.unwrap().grants.storage_quota(), Some(ByteSize::mib(4)));
    assert!(app.previous.is_none() && world.disk.state().bad.is_empty());
    let again =
        host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap_err();
    assert!(matches!(again, StartError::NothingBefore { .. }));
}

#[tokio::test]
async fn an_update_that_would_lose_writes_by_going_back_stops_the_app_instead() {
    let world = world_with_update().await;
    let host = world.start();
    update(&host, &target()).await;
    // As after a restart in the middle of the probation: nobody counted the writes.
    let began = world.disk.journal();
    let id = began.last().unwrap().update.clone().unwrap();
    let restarted = reopened(&world, &id);
    world.disk.fail(Point::Probation, Fault::Version);
    restarted.updater.recover().await.unwrap();
    let report = end(&restarted, &id).await;
    assert_eq!(report.ending, Some(Ending::Failed), "{report:#?}");
    assert!(report.reason.unwrap().contains("would lose"));
    assert!(world.disk.state().apps[&notes()].disabled);
    assert_eq!(restarted.plugins.serves(&notes()), None);
    assert_eq!(written(&world).len(), 2);
}

#[tokio::test]
async fn one_write_since_the_switch_is_enough_to_ask_before_it_is_lost() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Probation, Fault::Version);
    host.plugins.write_at_release(&notes(), "salt");
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Failed), "{report:#?}");
    let reason = report.reason.unwrap();
    assert!(reason.contains("would lose 1 change made"), "{reason}");
    assert_eq!(
        (written(&world), schema(&world)),
        (vec!["milk".to_owned(), "bread".to_owned(), "salt".to_owned()], 2)
    );
    assert_eq!(host.plugins.serves(&notes()), None);
}

#[tokio::test]
async fn a_person_chooses_to_keep_what_was_written_and_the_choice_is_gone() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Probation, Fault::Version);
    host.plugins.write_at_release(&notes(), "salt");
    let id = update(&host, &target()).await.id;
    let restarted = world.start();
    restarted.updater.recover().await.unwrap();
    for host in [host, restarted] {
        let app = host.updater.overview().await.unwrap().apps.remove(0);
        let choice = app.choice.unwrap();
        assert_eq!((&choice.update, choice.keep.as_str()), (&id, "2.0.0"));
        assert_eq!(choice.back.unwrap().as_str(), "1.0.0");
        assert!(choice.why.contains("would lose 1 change made since the switch"), "{}", choice.why);
        assert_eq!(app.stopped.as_ref(), Some(&choice.why));
    }
    world.disk.mend();
    let host = world.start();
    host.updater.enable(&notes()).await.unwrap();
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
    assert_eq!(written(&world), ["milk", "bread", "salt"]);
    host.updater.disable(&notes()).await.unwrap();
    let app = world.start().updater.overview().await.unwrap().apps.remove(0);
    assert_eq!(app.choice, None, "it was chosen already");
    assert_eq!(app.stopped.as_deref(), Some("it was switched off by an admin"));
}

#[tokio::test]
async fn a_person_chooses_to_go_back_and_loses_what_was_said() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Probation, Fault::Version);
    host.plugins.write_at_release(&notes(), "salt");
    update(&host, &target()).await;
    world.disk.mend();
    let id = host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Committed));
    assert_eq!((written(&world), schema(&world)), (vec!["milk".to_owned(), "bread".to_owned()], 1));
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    assert_eq!(host.updater.overview().await.unwrap().apps[0].choice, None);
}

#[tokio::test]
async fn the_settings_may_give_up_what_was_written_and_the_report_says_how_much() {
    let world = world_with_update().await;
    let settings = Settings { on_data_loss: OnDataLoss::Restore, ..quick() };
    let host = world.start_with(settings);
    world.disk.fail(Point::Probation, Fault::Version);
    host.plugins.write_at_release(&notes(), "salt");
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::RolledBack), "{report:#?}");
    assert_eq!((written(&world), schema(&world)), (vec!["milk".to_owned(), "bread".to_owned()], 1));
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    let rollback = report.steps.iter().find(|row| row.step == StepId::Rollback).unwrap();
    let StepStanding::Over { outcome: Outcome::Warned { why } } = &rollback.standing else {
        panic!("{rollback:?}")
    };
    assert!(why.contains("1 change made since the switch is lost"), "{why}");
    assert_eq!(host.updater.overview().await.unwrap().apps[0].choice, None);
}

/// The host, started again with the last two records of `id` not yet written.
fn reopened(world: &World, id: &newleaf_domain::UpdateId) -> newleaf_update::port::fake::Host {
    world.disk.forget_records(2);
    assert!(world.disk.journal().last().unwrap().update.as_ref() == Some(id));
    world.start()
}

#[tokio::test]
async fn a_broken_download_is_taken_up_where_it_stopped() {
    let world = world_with_update().await;
    let host = world.start();
    world.repository.break_next_at(100);
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Committed));
    assert_eq!(world.repository.opened()[1..], [0, 100]);
}

#[tokio::test]
async fn one_flipped_byte_is_refused_by_trust() {
    let world = world_with_update().await;
    let host = world.start();
    let change = host.updater.plan(&target(), None).await.unwrap().plan.changes[0].clone();
    let stored = newleaf_trust::layout::stored_path(&change.path, change.digest);
    world.repository.tamper(&stored, |bytes| bytes[60] ^= 1);
    let report = update(&host, &target()).await;
    assert_eq!(report.exit_class(), Some(ExitClass::Trust));
    let (step, failure) = report.failure().unwrap();
    assert_eq!(step, StepId::Verify);
    assert!(failure.what.contains("SHA-256"), "{}", failure.what);
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    assert!(world.disk.slots().len() == 1);
}

#[tokio::test]
async fn a_disk_that_cannot_be_read_is_a_failure_and_not_a_breach_of_trust() {
    for point in [Point::Measure, Point::Inspect] {
        let world = world_with_update().await;
        let host = world.start();
        world.disk.fail(point, Fault::Machine);
        let report = update(&host, &target()).await;
        assert_eq!(report.failure().unwrap().0, StepId::Verify, "{point:?}");
        assert_eq!(report.exit_class(), Some(ExitClass::Failed), "{point:?}");
        assert!(report.failure().unwrap().1.todo.contains("disk"), "{report:#?}");
        assert!(world.disk.state().bad.is_empty(), "{point:?}");
        world.disk.mend();
        assert_eq!(update(&host, &target()).await.ending, Some(Ending::Committed), "{point:?}");
    }
}

#[tokio::test]
async fn a_manifest_that_differs_from_the_signed_one_in_one_field_is_refused_by_its_name() {
    let world = world_with_update().await;
    world.publisher().edit_record("apps/acme/notes/2.0.0/notes.zip", |record| {
        record.custom["manifest"]["licence"] = "MIT".into();
    });
    world.publish();
    let host = world.start();
    let report = update(&host, &target()).await;
    assert_eq!(report.exit_class(), Some(ExitClass::Trust));
    assert!(report.failure().unwrap().1.what.contains("\"licence\""), "{report:#?}");
}

#[tokio::test]
async fn a_whole_download_of_an_earlier_try_is_not_fetched_again() {
    let world = world_with_update().await;
    let host = world.start();
    let change = host.updater.plan(&target(), None).await.unwrap().plan.changes[0].clone();
    let stored = newleaf_trust::layout::stored_path(&change.path, change.digest);
    let bytes = world.repository.files().targets[&stored].clone();
    assert_eq!(Digest::of(&bytes), change.digest);
    world.disk.put_download(change.digest, bytes);
    let before = world.repository.opened().len();
    let report = update(&host, &target()).await;
    assert_eq!((report.ending, world.repository.opened().len()), (Some(Ending::Committed), before));
}

#[tokio::test]
async fn a_removed_app_takes_its_data_along_only_when_told_to() {
    let world = world_with_update().await;
    let host = world.start();
    host.updater.remove(&notes(), AppData::Keep).await.unwrap();
    assert_eq!((good(&world), written(&world).len()), (None, 2));
    let again = host.updater.remove(&notes(), AppData::Erase).await.unwrap_err();
    assert!(matches!(again, StartError::NotInstalled { .. }));
}

#[tokio::test]
async fn a_version_that_nobody_watched_is_not_said_to_have_been() {
    for (way, why) in [(LauncherWay::Absent, "no host runs"), (LauncherWay::Commits, "0 s")] {
        let world = world_with_update().await;
        let host = world.start();
        host.launcher.set_way(way);
        let report = update(&host, &target()).await;
        assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
        let commit = report.steps.iter().find(|row| row.step == StepId::Commit).unwrap();
        let StepStanding::Over { outcome: Outcome::Skipped { why: told } } = &commit.standing
        else {
            panic!("{commit:?}")
        };
        assert!(told.starts_with("not watched: ") && told.contains(why), "{told}");
    }
}

#[tokio::test]
async fn data_that_was_kept_is_migrated_by_a_later_install() {
    let world = world_with_update().await;
    world.start().updater.remove(&notes(), AppData::Keep).await.unwrap();
    let host = world.start();
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
    assert_eq!((written(&world), schema(&world)), (vec!["milk".to_owned(), "bread".to_owned()], 2));
    let migrate = report.steps.iter().find(|row| row.step == StepId::Migrate).unwrap();
    assert!(format!("{:?}", migrate.standing).contains("schema 1 to 2"), "{migrate:?}");
}

#[tokio::test]
async fn data_that_was_kept_is_not_given_to_a_version_too_old_for_it() {
    let world = world_with_update().await;
    let host = world.start();
    update(&host, &target()).await;
    host.updater.remove(&notes(), AppData::Keep).await.unwrap();
    let old = newleaf_domain::Version::parse("1.0.0").unwrap();
    let refused = host.updater.plan(&target(), Some(old)).await.unwrap_err();
    assert!(
        refused.to_string().contains("writes schema 1, the data needs a program of 2 or newer"),
        "{refused}"
    );
    assert_eq!((written(&world).len(), schema(&world)), (2, 2));
    assert!(world.disk.state().apps.is_empty() && world.disk.state().bad.is_empty());
}

#[tokio::test]
async fn an_app_whose_data_cannot_be_noted_is_not_removed() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Keep, Fault::Machine);
    let refused = host.updater.remove(&notes(), AppData::Keep).await.unwrap_err();
    assert!(matches!(refused, StartError::Store(_)), "{refused}");
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
}
