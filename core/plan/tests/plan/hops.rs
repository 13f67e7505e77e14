//! Releases that have to be installed before another: planned as hops, each with its reason.

use newleaf_domain::{Channel, Target};
use newleaf_plan::{
    Because, Installed, InstalledCore, Outcome, Plan, Policy, Refusal, Request, Stale, plan, rest,
};
use newleaf_trust::{Targets, Verified};

use crate::world::{
    NOW, Release, core, exactly, exactly_core, following, host, host_with_notes, newest,
    newest_core, notes, repository, verdicts, verdicts_on, version,
};

fn stone(version: &str) -> Release {
    core(version).with("stepping_stone", true)
}

/// A core from long ago, on data of schema 1.
fn old_core() -> Installed {
    let core = InstalledCore { version: version("0.8.0"), ..host().core };
    Installed { core, ..host() }
}

fn planned(installed: &Installed, targets: &Verified<Targets>, request: &Request) -> Plan {
    let planned = plan(installed, targets, &Policy::default(), request, NOW);
    planned.plan().cloned().unwrap_or_else(|| panic!("{:?}", planned.outcome))
}

/// Each hop of a plan, as a person reads it.
fn hops(plan: &Plan) -> Vec<String> {
    let from = |from: &Option<newleaf_domain::Version>| {
        from.as_ref().map_or("nothing".to_owned(), ToString::to_string)
    };
    let line = |change: &newleaf_plan::Change| {
        format!("{} -> {}: {}", from(&change.from), change.to, change.because)
    };
    plan.changes.iter().map(line).collect()
}

/// The host once the first `count` changes of `plan` were carried out, as `state` would say.
fn after(installed: &Installed, plan: &Plan, count: usize) -> Installed {
    let mut next = installed.clone();
    for change in &plan.changes[..count] {
        next.core = InstalledCore {
            version: change.to.clone(),
            digest: change.digest,
            schema: change.schema.1,
            oldest_reader: change.oldest_reader,
        };
        next.seq += 9;
    }
    next
}

#[test]
fn a_really_old_core_goes_over_two_stepping_stones() {
    let releases = [stone("0.9.0"), stone("1.0.0"), core("1.0.1"), core("1.1.0")];
    let targets = repository(&releases);
    assert_eq!(
        verdicts_on(&old_core(), &targets, &Target::Core),
        [
            "1.1.0: best, through 0.9.0, through 1.0.0",
            "1.0.1: possible, through 0.9.0, through 1.0.0",
            "1.0.0: possible, through 0.9.0",
            "0.9.0: possible",
        ]
    );
    let plan = planned(&old_core(), &targets, &newest_core());
    assert_eq!(
        hops(&plan),
        [
            "0.8.0 -> 0.9.0: a stepping stone: no older version may pass it over",
            "0.9.0 -> 1.0.0: a stepping stone: no older version may pass it over",
            "1.0.0 -> 1.1.0: what this plan is for",
        ]
    );
    assert_eq!(plan.goal().unwrap().to, version("1.1.0"));
}

#[test]
fn the_id_pins_every_hop() {
    let with = |middle: Release| {
        let targets = repository(&[stone("0.9.0"), middle, core("1.1.0")]);
        planned(&old_core(), &targets, &newest_core()).id
    };
    assert_eq!(with(stone("1.0.0")), with(stone("1.0.0")));
    let other = stone("1.0.0").with("security", vec!["a hole".to_owned()]);
    assert_ne!(with(stone("1.0.0")), with(other));
}

#[test]
fn a_release_that_cannot_read_old_data_is_reached_over_one_that_can() {
    let releases = [
        core("1.1.0").with("schema", 2),
        core("1.2.0").with("schema", 3).with("migrates_from", 1),
        core("2.0.0").with("schema", 4).with("migrates_from", 3),
    ];
    let plan = planned(&host(), &repository(&releases), &newest_core());
    assert_eq!(
        hops(&plan),
        [
            "1.0.0 -> 1.2.0: on the way: 2.0.0 reads data of schema 3 and up, the data is 1",
            "1.2.0 -> 2.0.0: what this plan is for",
        ]
    );
    assert_eq!(plan.changes.iter().map(|it| it.schema).collect::<Vec<_>>(), [(1, 3), (3, 4)]);
    assert!(matches!(plan.changes[0].because, Because::Bridge { .. }));
}

#[test]
fn a_core_may_say_which_older_ones_it_is_reached_from() {
    let releases = [core("1.4.0"), core("1.5.0"), core("2.0.0").with("core", ">=1.4")];
    let plan = planned(&host(), &repository(&releases), &newest_core());
    assert_eq!(
        hops(&plan),
        [
            "1.0.0 -> 1.5.0: on the way: 2.0.0 needs core >=1.4, this is 1.0.0",
            "1.5.0 -> 2.0.0: what this plan is for",
        ]
    );
    let alone = [core("2.0.0").with("core", ">=1.4")];
    assert_eq!(
        verdicts_on(&host(), &repository(&alone), &Target::Core),
        ["2.0.0: needs core >=1.4, this is 1.0.0"]
    );
}

#[test]
fn the_fewest_hops_win_and_of_those_the_newest() {
    let releases = [
        core("1.1.0").with("schema", 2),
        core("1.2.0").with("schema", 2),
        core("1.3.0").with("schema", 2),
        core("2.0.0").with("schema", 3).with("migrates_from", 2),
    ];
    let plan = planned(&host(), &repository(&releases), &newest_core());
    let to = plan.changes.iter().map(|it| it.to.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(to, ["1.3.0", "2.0.0"]);
}

#[test]
fn an_app_goes_over_its_stepping_stones_too() {
    let releases = [
        notes("1.5.0").with("stepping_stone", true),
        notes("2.0.0").with("stepping_stone", true),
        notes("3.0.0"),
    ];
    let targets = repository(&releases);
    assert_eq!(
        verdicts(&host_with_notes("1.0.0", 0), &targets),
        [
            "3.0.0: best, through 1.5.0, through 2.0.0",
            "2.0.0: possible, through 1.5.0",
            "1.5.0: possible"
        ]
    );
    assert_eq!(verdicts(&host_with_notes("2.0.0", 0), &targets)[0], "3.0.0: best");
    // Nothing is stepped over where nothing is installed.
    assert_eq!(verdicts(&host(), &targets)[0], "3.0.0: best");
    let asked = planned(&host_with_notes("1.0.0", 0), &targets, &exactly("2.0.0"));
    assert_eq!(asked.changes.len(), 2);
}

#[test]
fn a_stepping_stone_that_cannot_be_installed_still_stands_in_the_way() {
    let stone = notes("1.5.0").with("stepping_stone", true).with("core", ">=2");
    let targets = repository(&[stone, notes("2.0.0")]);
    let host = host_with_notes("1.0.0", 0);
    assert_eq!(
        verdicts(&host, &targets),
        ["2.0.0: 1.5.0 must be installed first", "1.5.0: needs core >=2, this is 1.0.0"]
    );
    let asked = plan(&host, &targets, &Policy::default(), &exactly("2.0.0"), NOW).outcome;
    assert!(matches!(asked, Outcome::Refused(Refusal::CannotInstall { .. })), "{asked:?}");
}

#[test]
fn a_stepping_stone_that_failed_here_is_not_stepped_on_again_by_itself() {
    let bad = stone("0.9.0");
    let mut host = old_core();
    host.bad.insert(bad.digest(), "exited at start".to_owned());
    let targets = repository(&[bad, core("1.1.0")]);
    assert_eq!(
        verdicts_on(&host, &targets, &Target::Core),
        [
            "1.1.0: 0.9.0 must be installed first",
            "0.9.0: on request: failed on this host before: exited at start",
        ]
    );
}

#[test]
fn a_stepping_stone_of_a_channel_that_is_not_followed_is_none() {
    let releases = [notes("1.5.0-beta.1").with("stepping_stone", true).on("beta"), notes("2.0.0")];
    let targets = repository(&releases);
    let host = host_with_notes("1.0.0", 0);
    assert_eq!(verdicts(&host, &targets)[0], "2.0.0: best");
    let on_beta = plan(&host, &targets, &following(Channel::Beta), &newest(), NOW);
    assert_eq!(on_beta.plan().unwrap().changes.len(), 2);
}

#[test]
fn what_is_asked_for_by_name_goes_over_stepping_stones_too() {
    let releases = [stone("0.9.0"), core("1.1.0").on("nightly")];
    let targets = repository(&releases);
    assert_eq!(
        verdicts_on(&old_core(), &targets, &Target::Core),
        ["1.1.0: on request: on the nightly channel, this host follows stable", "0.9.0: best"]
    );
    assert_eq!(planned(&old_core(), &targets, &exactly_core("1.1.0")).changes.len(), 2);
}

#[test]
fn a_way_of_more_hops_than_anyone_would_wait_for_is_none() {
    let stones = (0..20).map(|n| stone(&format!("1.{}.0", n * 10 + 1)));
    let rest = (0..200).map(|n| core(&format!("1.{n}.1")));
    let releases = stones.chain(rest).collect::<Vec<_>>();
    let targets = repository(&releases);
    let verdicts = verdicts_on(&old_core(), &targets, &Target::Core);
    assert!(verdicts[0].ends_with("must be installed first"), "{}", verdicts[0]);
}

#[test]
fn the_rest_of_a_plan_is_what_was_approved() {
    let releases = [stone("0.9.0"), stone("1.0.0"), core("1.1.0")];
    let targets = repository(&releases);
    let approved = planned(&old_core(), &targets, &newest_core());
    for done in 0..3 {
        let now = after(&old_core(), &approved, done);
        let policy = Policy::default();
        let left = rest(&approved, done, &now, &targets, &policy, &newest_core(), NOW).unwrap();
        assert_eq!(left, approved.changes[done..]);
    }
}

#[test]
fn the_rest_of_a_plan_is_not_carried_out_where_something_changed() {
    let releases = [stone("0.9.0"), stone("1.0.0"), core("1.1.0")];
    let approved = planned(&old_core(), &repository(&releases), &newest_core());
    let host = after(&old_core(), &approved, 1);
    let left = |host: &Installed, targets: &Verified<Targets>, now| {
        rest(&approved, 1, host, targets, &Policy::default(), &newest_core(), now)
    };
    let why = |host: &Installed, releases: &[Release]| {
        left(host, &repository(releases), NOW).unwrap_err().to_string()
    };
    // A newer release is not what was approved, and does not stop it.
    let newer = [stone("0.9.0"), stone("1.0.0"), core("1.1.0"), core("1.2.0")];
    assert_eq!(left(&host, &repository(&newer), NOW).unwrap().last().unwrap().to, version("1.1.0"));
    // Another stone between is another way.
    let longer = [stone("0.9.0"), stone("1.0.0"), stone("1.0.5"), core("1.1.0")];
    assert_eq!(why(&host, &longer), "it leads to 1.1.0, which is reached by another way by now");
    let gone = [stone("0.9.0"), stone("1.0.0")];
    assert_eq!(why(&host, &gone), "it leads to 1.1.0, which is not offered by now");
    let mut failed = host.clone();
    failed.bad.insert(core("1.1.0").digest(), "it hangs".to_owned());
    assert_eq!(
        why(&failed, &releases),
        "it leads to 1.1.0, which is refused (failed on this host before: it hangs) by now"
    );
    let late = left(&host, &repository(&releases), NOW.plus_seconds(90_000)).unwrap_err();
    assert!(matches!(late, Stale::TooOld { .. }), "{late}");
}
