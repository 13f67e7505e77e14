//! Every candidate gets a verdict, and every no its reason.

use newleaf_domain::{Channel, Target};
use newleaf_plan::{FreshAuthors, Installed, Outcome, Policy, Refusal, plan, survey};
use newleaf_trust::{Advisory, AdvisoryKind};
use serde_json::json;

use crate::world::{
    Author, NOW, Release, core, core_for, exactly, following, host, host_with_notes, name, newest,
    notes, repository, repository_of, verdicts, verdicts_on,
};

/// The verdict on `release`, as a person reads it, on the host `installed`.
fn verdict(installed: &Installed, release: Release) -> String {
    let mut verdicts = verdicts(installed, &repository(&[release]));
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

#[test]
fn the_newest_that_fits_is_best_and_the_others_have_their_reasons() {
    let releases = ["0.9.0", "1.0.0", "1.1.0", "2.0.0"].map(notes);
    assert_eq!(
        verdicts(&host_with_notes("1.0.0", 0), &repository(&releases)),
        [
            "2.0.0: best",
            "1.1.0: possible",
            "1.0.0: already installed",
            "0.9.0: on request: older than the installed 1.0.0",
        ]
    );
}

#[test]
fn versions_are_compared_as_versions_and_not_as_text() {
    let releases = ["1.2.0", "1.10.0", "1.10.0-rc.1"].map(notes);
    let verdicts = verdicts(&host(), &repository(&releases));
    assert_eq!(verdicts, ["1.10.0: best", "1.10.0-rc.1: possible", "1.2.0: possible"]);
}

#[test]
fn a_core_for_another_machine_is_refused() {
    let releases = [
        core("1.1.0"),
        core_for("1.1.0", "community", "aarch64-linux-gnu"),
        core_for("1.2.0", "enterprise", "x86_64-linux-gnu"),
    ];
    assert_eq!(
        verdicts_on(&host(), &repository(&releases), &Target::Core),
        [
            "1.2.0: of the edition enterprise, this is community",
            "1.1.0: built for aarch64-linux-gnu, this is x86_64-linux-gnu",
            "1.1.0: best",
        ]
    );
}

#[test]
fn an_app_made_for_other_cores_is_refused() {
    let release = notes("2.0.0").with("core", ">=1.1, <3");
    assert_eq!(verdict(&host(), release), "2.0.0: needs core >=1.1, <3, this is 1.0.0");
}

#[test]
fn an_app_made_for_a_newer_contract_is_refused() {
    let needs = |abi: &str| verdict(&host(), notes("2.0.0").with("abi", abi));
    assert_eq!(needs("1.3"), "2.0.0: needs app contract 1.3, this core speaks 1.2");
    assert_eq!(needs("2.0"), "2.0.0: needs app contract 2.0, this core speaks 1.2");
    assert_eq!(needs("1.0"), "2.0.0: best");
}

#[test]
fn a_release_that_cannot_read_the_data_is_refused() {
    let host = host_with_notes("1.0.0", 3);
    let too_new = notes("2.0.0").with("schema", 9).with("migrates_from", 4);
    assert_eq!(verdict(&host, too_new), "2.0.0: reads data of schema 4 and up, the data is 3");
    let too_old = notes("2.0.0").with("schema", 2);
    assert_eq!(
        verdict(&host, too_old),
        "2.0.0: writes schema 2, the data needs a program of 3 or newer"
    );
}

#[test]
fn a_release_that_failed_here_is_refused_until_it_is_asked_for() {
    let release = notes("2.0.0");
    let mut host = host_with_notes("1.0.0", 0);
    host.bad.insert(release.digest(), "exited at start".to_owned());
    let targets = repository(std::slice::from_ref(&release));
    assert_eq!(
        verdict(&host, release),
        "2.0.0: on request: failed on this host before: exited at start"
    );

    let offered = plan(&host, &targets, &Policy::default(), &newest(), NOW);
    assert!(matches!(offered.outcome, Outcome::Refused(Refusal::CannotInstall { .. })));
    let asked = plan(&host, &targets, &Policy::default(), &exactly("2.0.0"), NOW);
    assert!(asked.plan().is_some(), "{:?}", asked.outcome);
}

#[test]
fn a_release_on_a_less_finished_channel_is_refused_until_it_is_asked_for() {
    let targets = repository(&[notes("2.0.0").on("beta")]);
    let host = host_with_notes("1.0.0", 0);
    assert_eq!(
        verdicts(&host, &targets),
        ["2.0.0: on request: on the beta channel, this host follows stable"]
    );
    let chosen = |policy: &Policy, request| plan(&host, &targets, policy, &request, NOW);
    let stable = Policy::default();
    assert!(matches!(chosen(&stable, newest()).outcome, Outcome::UpToDate { .. }));
    assert!(chosen(&stable, exactly("2.0.0")).plan().is_some());
    assert!(chosen(&following(Channel::Beta), newest()).plan().is_some());
    assert!(chosen(&following(Channel::Nightly), newest()).plan().is_some());
}

#[test]
fn a_release_that_is_not_rolled_out_to_here_is_refused_until_it_is_asked_for() {
    let targets = repository(&[notes("2.0.0").rolled_out_to(0)]);
    let host = host_with_notes("1.0.0", 0);
    assert_eq!(
        verdicts(&host, &targets),
        ["2.0.0: on request: offered to 0 % of hosts so far, and not yet to this one"]
    );
    assert!(plan(&host, &targets, &Policy::default(), &exactly("2.0.0"), NOW).plan().is_some());
}

#[test]
fn a_yanked_release_is_refused_by_path_or_by_digest_also_when_asked_for() {
    let release = notes("2.0.0");
    for (path, sha256) in
        [(Some("apps/acme/notes/2.0.0/notes.zip".to_owned()), None), (None, Some(release.digest()))]
    {
        let advisory = Advisory {
            kind: AdvisoryKind::Yank,
            path,
            sha256,
            reason: "loses notes".to_owned(),
            since: None,
            extra: serde_json::Map::new(),
        };
        let releases = [release.clone()];
        let targets = repository_of(&releases, Author::Claimed, Some(&[advisory]));
        assert_eq!(verdicts(&host(), &targets), ["2.0.0: yanked: loses notes"]);
        let asked = plan(&host(), &targets, &Policy::default(), &exactly("2.0.0"), NOW);
        assert!(asked.plan().is_none());
    }
}

#[test]
fn without_the_list_of_yanked_releases_nothing_new_comes_in_and_what_runs_is_updated() {
    let targets = repository_of(&[notes("2.0.0")], Author::Claimed, None);
    let planned = |host: &Installed| plan(host, &targets, &Policy::default(), &newest(), NOW);
    let refused = planned(&host()).outcome;
    assert!(matches!(refused, Outcome::Refused(Refusal::NoAdvisories { .. })), "{refused:?}");
    assert!(planned(&host_with_notes("1.0.0", 0)).plan().is_some());
}

#[test]
fn a_new_author_is_refused_where_the_policy_says_so() {
    let targets = repository_of(&[notes("2.0.0")], Author::Fresh, Some(&[]));
    let with = |fresh_authors| {
        let policy = Policy { fresh_authors, ..Policy::default() };
        plan(&host(), &targets, &policy, &newest(), NOW)
    };
    assert!(with(FreshAuthors::Accepted).plan().is_some());
    let Outcome::Refused(refusal) = with(FreshAuthors::Refused).outcome else {
        panic!("a fresh author was accepted")
    };
    insta::assert_snapshot!(
        refusal,
        @"acme/notes 2.0.0 cannot be installed: its author is new and this host accepts established authors only"
    );
}

#[test]
fn a_description_that_is_not_understood_is_refused_and_hides_no_other() {
    let camera = json!([{"kind": "camera", "reason_sha256": "x"}]);
    let targets = repository(&[
        notes("1.1.0"),
        notes("3.0.0").with("capabilities", camera),
        notes("4.0.0").with("version", "4.0.1"),
        notes("5.0.0").with("id", "acme/other"),
    ]);
    let verdicts = verdicts(&host_with_notes("1.0.0", 0), &targets);
    assert_eq!(verdicts.len(), 4);
    assert_eq!(
        verdicts[..2],
        [
            "5.0.0: its signed description is not understood: it describes acme/other",
            "4.0.0: its signed description is not understood: it describes version 4.0.1",
        ]
    );
    assert!(verdicts[2].starts_with("3.0.0: its signed description is not understood"));
    assert_eq!(verdicts[3], "1.1.0: best");
}

#[test]
fn a_signer_that_failed_stops_its_own_apps_and_says_so() {
    let releases = [notes("2.0.0"), core("1.1.0")];
    let targets = repository_of(&releases, Author::Missing, Some(&[]));
    let looked = survey(&host(), &targets, &Policy::default(), &Target::App(name()));
    assert!(looked.untrusted.is_some() && looked.candidates.is_empty());
    let outcome = plan(&host(), &targets, &Policy::default(), &newest(), NOW).outcome;
    assert!(matches!(outcome, Outcome::Refused(Refusal::Untrusted { .. })), "{outcome:?}");
    assert_eq!(verdicts_on(&host(), &targets, &Target::Core), ["1.1.0: best"]);
}
