//! What never begins: each with its own message and kind, and nothing changed.

use newleaf_domain::{ByteSize, Target};
use newleaf_update::port::fake::{LauncherWay, World};
use newleaf_update::port::{Area, Locality, ProbeFault};
use newleaf_update::view::{PrerequisiteId, Standing};
use newleaf_update::{CheckError, Consent, ExitClass, Explain, PlanError, StartError};
use serde_json::json;

use crate::story::*;

async fn blocked(world: &World) -> (PrerequisiteId, String, Option<String>) {
    let host = world.start();
    let error = begin(&host, &target()).await.unwrap_err();
    assert_eq!(error.class(), ExitClass::Blocked);
    let StartError::Blocked(rows) = error else { panic!("{error}") };
    let row = rows.into_iter().find(|row| row.standing == Standing::Block).unwrap();
    assert!(world.disk.journal().is_empty());
    (row.id, row.measured, row.command)
}

#[tokio::test]
async fn an_unwritable_folder_is_named_with_the_command_that_mends_it() {
    let world = world();
    world.ground.refuse(Area::Slots, ProbeFault::Permission);
    let (id, measured, command) = blocked(&world).await;
    assert_eq!(id, PrerequisiteId::Write);
    assert!(
        measured.contains("/srv/newleaf/slots") && measured.contains("owner root, mode 0755"),
        "{measured}"
    );
    assert_eq!(command.as_deref(), Some("sudo chown -R newleaf /srv/newleaf/slots"));
}

#[tokio::test]
async fn a_full_disk_and_a_network_disk_block() {
    let world = world();
    world.ground.set_free(ByteSize::mib(1));
    assert_eq!(blocked(&world).await.0, PrerequisiteId::Space);
    world.ground.set_free(ByteSize::mib(4096));
    world.ground.set_locality(Locality::Network);
    assert_eq!(blocked(&world).await.0, PrerequisiteId::Filesystem);
}

#[tokio::test]
async fn slots_on_a_mount_that_runs_nothing_block_with_the_line_that_mends_it() {
    let world = world();
    world.ground.run_nothing_in(Area::Slots);
    let (id, measured, command) = blocked(&world).await;
    assert_eq!(id, PrerequisiteId::Filesystem);
    assert!(measured.contains("/srv/newleaf/slots") && measured.contains("noexec"), "{measured}");
    let mends = r#"sudo mount -o remount,exec "$(findmnt -no TARGET -T /srv/newleaf/slots)""#;
    assert_eq!(command.as_deref(), Some(mends));
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told_apart_from_one_that_lies() {
    let world = world();
    let host = world.start();
    world.repository.disappear();
    let error = host.updater.check().await.unwrap_err();
    assert!(matches!(error, CheckError::Unreachable { .. }));
    assert_eq!(error.class(), ExitClass::Failed);
    let overview = host.updater.overview().await.unwrap();
    assert!(overview.freshness.last_error.unwrap().contains("registry.example.com"));
}

#[tokio::test]
async fn an_older_timestamp_replayed_is_refused_by_trust() {
    let world = world();
    let host = world.start();
    let old = world.repository.files();
    world.publish();
    host.updater.check().await.unwrap();
    world.repository.serve(old);
    let error = host.updater.check().await.unwrap_err();
    assert_eq!(error.class(), ExitClass::Trust);
    let CheckError::Trust(source) = error else { panic!("{error}") };
    assert!(matches!(source, newleaf_trust::TrustError::Replayed { .. }), "{source}");
}

#[tokio::test]
async fn an_expired_timestamp_is_refused_by_trust() {
    let world = world();
    let host = world.start();
    host.updater.check().await.unwrap();
    world.clock.set(world_now(&world).plus_seconds(2 * 86_400));
    let error = host.updater.plan(&target(), None).await.unwrap_err();
    assert_eq!(error.class(), ExitClass::Trust);
}

#[tokio::test]
async fn a_new_signer_for_a_pinned_namespace_is_refused_with_both_named() {
    let world = world_with_update().await;
    world.publisher().claim("acme", 99);
    world.publish();
    let host = world.start();
    let error = host.updater.plan(&target(), None).await.unwrap_err();
    assert_eq!(error.class(), ExitClass::Trust, "{error}");
    let overview = host.updater.overview().await.unwrap();
    assert!(overview.apps[0].blocked.as_ref().unwrap().contains("pinned"));
}

#[tokio::test]
async fn wider_grants_without_a_yes_stop_before_anything_begins() {
    let world = world_with_update().await;
    let host = world.start();
    let records = world.disk.journal().len();
    let plan = host.updater.plan(&target(), None).await.unwrap();
    assert_eq!(plan.changes[0].grants[0].reason.as_deref(), Some("to keep your notes"));
    let error = approve(&host, plan.plan.id.clone(), Consent::NotGiven).await.unwrap_err();
    assert_eq!(error.class(), ExitClass::Blocked);
    assert!(error.to_string().contains("store up to 16 MiB"), "{error}");
    assert_eq!(world.disk.journal().len(), records);
    assert!(approve(&host, plan.plan.id, Consent::Given).await.is_ok());
}

#[tokio::test]
async fn a_plan_whose_offers_moved_on_is_stale_and_names_the_new_one() {
    let world = world_with_update().await;
    let host = world.start();
    let old = host.updater.plan(&target(), None).await.unwrap().plan;
    world.publisher().app("acme/notes", "2.1.0", wants(2, 2, 16));
    world.publish();
    world.clock.set(world_now(&world).plus_seconds(3600));
    let error = approve(&host, old.id, Consent::Given).await.unwrap_err();
    let StartError::Stale(stale) = error else { panic!("{error}") };
    let new = stale.replacement.unwrap();
    assert_eq!(new.changes[0].to.as_str(), "2.1.0");
    assert!(host.updater.plan_by_id(&new.id).await.is_ok());
}

#[tokio::test]
async fn a_plan_made_for_another_state_or_yesterday_is_stale() {
    let world = world_with_update().await;
    let host = world.start();
    let plan = host.updater.plan(&target(), None).await.unwrap().plan;
    world.disk.edit_state(|state| state.seq += 1);
    let moved = approve(&host, plan.id.clone(), Consent::Given).await.unwrap_err();
    assert!(matches!(moved, StartError::Stale(_)), "{moved}");
    world.disk.edit_state(|state| state.seq -= 1);
    world.clock.set(world_now(&world).plus_seconds(25 * 3600));
    world.publish();
    let old = approve(&host, plan.id, Consent::Given).await.unwrap_err();
    assert!(old.to_string().contains("a day"), "{old}");
}

#[tokio::test]
async fn a_double_click_starts_one_update() {
    let world = World::new();
    world.publisher().core("1.1.0", json!({}));
    world.publish();
    let host = world.start();
    host.launcher.set_way(LauncherWay::Waits);
    let plan = host.updater.plan(&Target::Core, None).await.unwrap().plan;
    let first = approve(&host, plan.id.clone(), Consent::Given).await.unwrap();
    let second = approve(&host, plan.id, Consent::Given).await.unwrap_err();
    assert_eq!(second.class(), ExitClass::Busy);
    assert!(matches!(second, StartError::Busy { running } if running == first));
}

#[tokio::test]
async fn an_app_waits_for_an_older_worker_and_its_plan_stays_good() {
    let world = world_with_update().await;
    let host = world.start();
    host.launcher.set_way(LauncherWay::Drains);
    let plan = host.updater.plan(&target(), None).await.unwrap().plan;
    let before = (world.disk.state(), world.disk.journal().len());
    let busy = approve(&host, plan.id.clone(), Consent::Given).await.unwrap_err();
    assert_eq!(busy.class(), ExitClass::Busy, "{busy}");
    assert_eq!((world.disk.state(), world.disk.journal().len()), before);
    host.launcher.set_way(LauncherWay::Commits);
    approve(&host, plan.id, Consent::Given).await.unwrap();
}

#[tokio::test]
async fn what_is_newest_is_up_to_date_and_what_is_unknown_is_refused() {
    let world = world_with_update().await;
    let host = world.start();
    update(&host, &target()).await;
    assert!(matches!(host.updater.plan(&target(), None).await, Err(PlanError::UpToDate { .. })));
    let unknown = newleaf_domain::PlanId::parse(&"a".repeat(64)).unwrap();
    assert!(matches!(host.updater.plan_by_id(&unknown).await, Err(PlanError::Unknown { .. })));
}

#[tokio::test]
async fn a_package_without_a_program_is_refused_when_it_is_staged() {
    let world = World::new();
    world.publisher().bare_app("acme/notes", "1.0.0", wants(1, 1, 4));
    world.publish();
    let report = update(&world.start(), &target()).await;
    let (step, failure) = report.failure().unwrap();
    assert_eq!(step, newleaf_launcher::journal::StepId::Stage);
    assert!(failure.what.contains("holds no app.wasm"), "{failure:?}");
    assert_eq!(world.disk.state().bad.len(), 1);
}

#[tokio::test]
async fn a_failure_reads_as_four_lines() {
    let world = world();
    let host = world.start();
    world.repository.disappear();
    let error = host.updater.check().await.unwrap_err();
    let lines = host.updater.explain(&error);
    assert_eq!(lines.state, "Newleaf 1.0.0 serves");
    assert!(
        lines.failed.starts_with("the repository at https://registry.example.com cannot be read")
    );
    assert_eq!(lines.done, "nothing was changed");
    assert!(lines.todo.contains("newleaf check"));
}

#[tokio::test]
async fn a_signer_whose_pin_is_lost_is_not_taken_from_whoever_signs_now() {
    let world = world_with_update().await;
    world.disk.lose_pins();
    world.publisher().claim("acme", 99);
    world.publisher().app("acme/notes", "2.1.0", wants(2, 2, 16));
    world.publish();
    let host = world.start();
    let error = begin(&host, &target()).await.unwrap_err();
    assert!(matches!(error, StartError::Unpinned { .. }), "{error}");
    assert_eq!(error.class(), ExitClass::Trust);
    assert!(error.todo().contains("trust/pins/acme.json"), "{}", error.todo());
    assert!(world.disk.pins().is_empty());
    assert_eq!(host.updater.signers().await.unwrap().lost, [notes().namespace()]);
    // What it says mends it: the first install pins anew.
    host.updater.remove(&notes(), newleaf_update::AppData::Keep).await.unwrap();
    assert!(update(&host, &target()).await.exit_class().is_none());
    assert_eq!(world.disk.pins().len(), 1);
    assert!(host.updater.signers().await.unwrap().lost.is_empty());
}

#[tokio::test]
async fn a_host_that_lost_what_it_knew_of_the_repository_does_not_say_that_all_is_up_to_date() {
    let world = world();
    world.start().updater.check().await.unwrap();
    let sentence = async || world.start().updater.overview().await.unwrap().sentence;
    assert_eq!(sentence().await, "Everything is up to date.");
    world.disk.lose_trust();
    assert_eq!(sentence().await, "Whether anything newer is there is not known.");
    let notices = world.start().updater.overview().await.unwrap().notices;
    let told = notices.iter().find(|notice| notice.text.contains("kept of the repository"));
    assert!(told.is_some_and(|notice| notice.todo.is_some()), "{notices:?}");
}

#[tokio::test]
async fn a_host_that_does_not_run_is_not_said_to_serve() {
    let world = world();
    let host = world.start();
    assert!(host.updater.standing().ends_with(" serves"), "{}", host.updater.standing());
    host.launcher.set_way(LauncherWay::Absent);
    let standing = host.updater.standing();
    assert!(
        standing.starts_with("no host runs; ") && standing.ends_with(" would serve"),
        "{standing}"
    );
}

#[tokio::test]
async fn of_two_clicks_at_once_one_starts_the_update_and_the_other_is_told_of_it() {
    let world = World::new();
    world.publisher().core("1.1.0", json!({}));
    world.publish();
    let host = world.start();
    host.launcher.set_way(LauncherWay::Waits);
    let plan = host.updater.plan(&Target::Core, None).await.unwrap().plan;
    let click = || approve(&host, plan.id.clone(), Consent::Given);
    let (one, two) = tokio::join!(click(), click());
    let (first, refused) = match (one, two) {
        (Ok(first), Err(refused)) | (Err(refused), Ok(first)) => (first, refused),
        both => panic!("{both:?}"),
    };
    assert!(matches!(&refused, StartError::Busy { running } if *running == first), "{refused}");
}
