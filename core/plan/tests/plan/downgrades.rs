//! Older versions: never offered, planned for whoever asks, as far as the data and the floor allow.

use newleaf_domain::Target;
use newleaf_plan::{Installed, InstalledCore, Outcome, Policy, plan};

use crate::world::{
    NOW, Release, core, exactly, exactly_core, host, host_with_notes, newest_core, notes,
    repository, verdicts, verdicts_on, version,
};

/// Core 1.1.0 on data of schema 3 that programs of schema 2 and up can read.
fn newer_core() -> Installed {
    let core =
        InstalledCore { version: version("1.1.0"), schema: 3, oldest_reader: 2, ..host().core };
    Installed { core, ..host() }
}

fn outcome(installed: &Installed, releases: &[Release], asked: &str) -> String {
    let targets = repository(releases);
    match plan(installed, &targets, &Policy::default(), &exactly_core(asked), NOW).outcome {
        Outcome::Plan(plan) => {
            let change = plan.goal().unwrap();
            assert!(change.is_downgrade() && plan.changes.len() == 1);
            format!("{:?}, oldest reader {}", change.schema, change.oldest_reader)
        }
        Outcome::UpToDate { version } => format!("up to date with {version}"),
        Outcome::Refused(refusal) => refusal.to_string(),
    }
}

#[test]
fn an_older_core_is_planned_where_it_reads_the_data_as_it_is() {
    let releases = [core("1.0.0").with("schema", 2), core("1.1.0").with("schema", 3)];
    assert_eq!(outcome(&newer_core(), &releases, "1.0.0"), "(3, 3), oldest reader 2");
    assert_eq!(
        verdicts_on(&newer_core(), &repository(&releases), &Target::Core),
        ["1.1.0: already installed", "1.0.0: on request: older than the installed 1.1.0"]
    );
    // It is never what is offered.
    let newest =
        plan(&newer_core(), &repository(&releases), &Policy::default(), &newest_core(), NOW);
    assert!(matches!(newest.outcome, Outcome::UpToDate { .. }));
}

#[test]
fn an_older_core_that_cannot_read_the_data_is_refused_with_both_numbers() {
    let releases = [core("1.0.0").with("schema", 1)];
    assert_eq!(
        outcome(&newer_core(), &releases, "1.0.0"),
        "core 1.0.0 cannot be installed: writes schema 1, the data needs a program of 2 or newer"
    );
    assert_eq!(
        verdicts_on(&newer_core(), &repository(&releases), &Target::Core),
        ["1.0.0: writes schema 1, the data needs a program of 2 or newer"]
    );
}

#[test]
fn nobody_goes_back_below_a_signed_floor() {
    let releases = [
        core("1.0.0").with("schema", 2),
        core("1.0.9").with("schema", 2),
        core("1.1.0").with("schema", 3).with_floor("1.0.5"),
        // What is newer than what runs binds nobody yet.
        core("1.2.0").with("schema", 3).with_floor("1.2.0"),
    ];
    assert_eq!(
        outcome(&newer_core(), &releases, "1.0.0"),
        "core 1.0.0 cannot be installed: below 1.0.5, and 1.1.0 forbids to go back below that"
    );
    assert_eq!(outcome(&newer_core(), &releases, "1.0.9"), "(3, 3), oldest reader 2");
    // A floor keeps nobody from getting on.
    let old =
        Installed { core: InstalledCore { version: version("0.9.0"), ..host().core }, ..host() };
    assert!(verdicts_on(&old, &repository(&releases), &Target::Core)[0].ends_with("best"));
}

#[test]
fn the_range_a_core_is_reached_from_does_not_bind_who_goes_back() {
    let releases = [core("1.0.0").with("schema", 2).with("core", "<1.0")];
    assert_eq!(outcome(&newer_core(), &releases, "1.0.0"), "(3, 3), oldest reader 2");
}

#[test]
fn an_older_app_is_planned_where_it_reads_the_data() {
    let mut host = host_with_notes("2.0.0", 3);
    host.apps.values_mut().for_each(|app| app.oldest_reader = 2);
    let releases = [notes("1.0.0").with("schema", 1), notes("1.5.0").with("schema", 2)];
    assert_eq!(
        verdicts(&host, &repository(&releases)),
        [
            "1.5.0: on request: older than the installed 2.0.0",
            "1.0.0: writes schema 1, the data needs a program of 2 or newer",
        ]
    );
    let asked = plan(&host, &repository(&releases), &Policy::default(), &exactly("1.5.0"), NOW);
    assert_eq!(asked.plan().unwrap().changes[0].schema, (3, 3));
}

#[test]
fn a_yanked_older_release_stays_refused() {
    let targets = crate::world::repository_of(
        &[core("1.0.0").with("schema", 3)],
        crate::world::Author::Claimed,
        Some(&[newleaf_trust::Advisory {
            kind: newleaf_trust::AdvisoryKind::Yank,
            path: None,
            sha256: Some(core("1.0.0").digest()),
            reason: "loses data".to_owned(),
            since: None,
            extra: serde_json::Map::new(),
        }]),
    );
    assert_eq!(verdicts_on(&newer_core(), &targets, &Target::Core), ["1.0.0: yanked: loses data"]);
}
