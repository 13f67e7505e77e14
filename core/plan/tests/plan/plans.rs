//! What a plan pins, and what is said where there is none.

use newleaf_domain::version::Step;
use newleaf_domain::{ByteSize, Digest, Grant, PlanId};
use newleaf_plan::{Outcome, Planned, Policy, Refusal, Request, plan};
use serde_json::json;

use crate::world::{
    NOW, core, exactly, host, host_with_notes, newest, newest_core, notes, repository, version,
};

fn planned(
    installed: &newleaf_plan::Installed,
    releases: &[crate::world::Release],
    request: &Request,
) -> Planned {
    plan(installed, &repository(releases), &Policy::default(), request, NOW)
}

fn storage(mib: u64) -> serde_json::Value {
    let quota = ByteSize::mib(mib).as_u64();
    json!([{"kind": "storage", "quota": quota, "reason_sha256": "a digest"}])
}

#[test]
fn a_plan_pins_all_that_is_carried_out() {
    let release = notes("2.0.0")
        .with("schema", 2)
        .with("migrates_from", 1)
        .with("oldest_reader", 2)
        .with("capabilities", storage(16))
        .with("breaking", json!(["tags are case sensitive"]));
    let digest = release.digest();
    let mut host = host_with_notes("1.0.0", 1);
    let held = vec![Grant::Storage { quota: ByteSize::mib(4) }];
    host.apps.values_mut().for_each(|app| app.grants = held.clone().into());

    let planned = planned(&host, &[release], &newest());
    let plan = planned.plan().unwrap();
    assert_eq!((plan.seq, plan.created, plan.changes.len()), (7, NOW, 1));
    let change = &plan.changes[0];
    assert_eq!(change.from, Some(version("1.0.0")));
    assert_eq!((change.to.as_str(), change.step), ("2.0.0", Some(Step::Major)));
    assert_eq!(change.path, "apps/acme/notes/2.0.0/notes.zip");
    assert_eq!((change.digest, change.length), (digest, ByteSize::kib(10)));
    assert_eq!((change.schema, change.oldest_reader), ((1, 2), 2));
    assert_eq!(change.grants.storage_quota(), Some(ByteSize::mib(16)));
    assert!(change.needs_consent());
    assert_eq!(change.breaking, ["tags are case sensitive"]);
}

#[test]
fn an_update_says_what_each_migration_does_and_an_install_says_nothing_of_migrating() {
    let lines = ["Tags move to a table of their own."];
    let release = || {
        notes("2.0.0").with("schema", 2).with("migrates_from", 1).with("migrations", json!(lines))
    };
    let update = planned(&host_with_notes("1.0.0", 1), &[release()], &newest());
    let change = &update.plan().unwrap().changes[0];
    assert!(change.migrates());
    assert_eq!(change.migrations, lines);
    for host in [host(), host_with_notes("1.0.0", 2)] {
        let quiet = planned(&host, &[release()], &newest());
        let change = &quiet.plan().unwrap().changes[0];
        assert!(!change.migrates() && change.migrations.is_empty(), "{change:?}");
    }
}

#[test]
fn a_program_of_an_older_schema_leaves_newer_data_as_it_is() {
    let mut host = host_with_notes("1.0.0", 5);
    host.apps.values_mut().for_each(|app| app.oldest_reader = 3);
    let planned = planned(&host, &[notes("2.0.0").with("schema", 4)], &newest());
    let change = &planned.plan().unwrap().changes[0];
    assert_eq!((change.schema, change.oldest_reader), ((5, 5), 3));
}

#[test]
fn a_first_install_starts_from_nothing() {
    let planned = planned(&host(), &[notes("2.0.0").with("capabilities", storage(1))], &newest());
    let change = &planned.plan().unwrap().changes[0];
    assert_eq!((&change.from, change.step, change.schema.0), (&None, None, 0));
    assert!(change.needs_consent());
}

#[test]
fn the_id_is_that_of_the_content_and_not_of_the_time() {
    let releases = [notes("2.0.0")];
    let targets = repository(&releases);
    let at = |seconds| {
        let now = NOW.plus_seconds(seconds);
        plan(&host(), &targets, &Policy::default(), &newest(), now).plan().cloned().unwrap()
    };
    assert_eq!(at(0).id, at(5).id);
    assert_ne!(at(0).created, at(5).created);

    let mut moved = host();
    moved.seq += 1;
    let other = plan(&moved, &targets, &Policy::default(), &newest(), NOW);
    assert_ne!(other.plan().unwrap().id, at(0).id);
}

#[test]
fn the_id_is_the_digest_of_the_canonical_form() {
    let planned = planned(&host(), &[core("1.1.0")], &newest_core());
    let plan = planned.plan().unwrap();
    let mut form = serde_json::to_value(plan).unwrap();
    for own in ["id", "created"] {
        form.as_object_mut().unwrap().remove(own).unwrap();
    }
    let canonical = newleaf_trust::canonical::to_canonical(&form).unwrap();
    assert_eq!(plan.id, PlanId::of(Digest::of(&canonical)));
}

#[test]
fn an_asked_version_is_taken_also_where_it_is_not_the_newest() {
    let releases = ["1.1.0", "1.2.0"].map(notes);
    let planned = planned(&host_with_notes("1.0.0", 0), &releases, &exactly("1.1.0"));
    assert_eq!(planned.plan().unwrap().changes[0].to, version("1.1.0"));
}

#[test]
fn where_there_is_nothing_to_do_it_is_said_why() {
    let host = host_with_notes("1.0.0", 0);
    let refusal = |releases: &[crate::world::Release], request: &Request| match planned(
        &host, releases, request,
    )
    .outcome
    {
        Outcome::Refused(refusal) => refusal.to_string(),
        Outcome::UpToDate { version } => format!("up to date with {version}"),
        Outcome::Plan(_) => "a plan".to_owned(),
    };
    let old = [notes("1.0.0")];
    assert_eq!(refusal(&old, &newest()), "up to date with 1.0.0");
    assert_eq!(refusal(&old, &exactly("1.0.0")), "up to date with 1.0.0");
    assert_eq!(refusal(&[], &newest()), "up to date with 1.0.0");
    assert_eq!(
        refusal(&old, &exactly("3.0.0")),
        "the repository lists no version 3.0.0 of acme/notes"
    );
    let newer = [notes("2.0.0").with("core", ">=2")];
    assert_eq!(
        refusal(&newer, &newest()),
        "acme/notes 2.0.0 cannot be installed: needs core >=2, this is 1.0.0"
    );
}

#[test]
fn an_app_without_a_release_is_not_there() {
    let outcome = planned(&host(), &[], &newest()).outcome;
    assert!(matches!(outcome, Outcome::Refused(Refusal::NoReleases { .. })), "{outcome:?}");
}

#[test]
fn of_several_builds_of_an_asked_core_the_one_for_this_machine_is_taken() {
    let foreign = crate::world::core_for("1.1.0", "community", "aarch64-linux-gnu");
    let request = Request { version: Some(version("1.1.0")), ..newest_core() };
    let both = planned(&host(), &[foreign.clone(), core("1.1.0")], &request);
    assert_eq!(both.plan().unwrap().changes[0].path, "core/community/1.1.0/x86_64-linux-gnu.zip");
    let one = planned(&host(), &[foreign], &request).outcome;
    assert!(matches!(one, Outcome::Refused(Refusal::CannotInstall { .. })), "{one:?}");
}
