//! What holds for every repository and every host.

use newleaf_domain::{AbiVersion, Manifest, Version, VersionReq};
use newleaf_plan::{Installed, InstalledApp, Plan, Policy, plan};
use newleaf_trust::{Targets, Verified};
use proptest::prelude::*;

use crate::world::{NOW, Release, host, host_with_notes, name, newest, notes, repository};

prop_compose! {
    fn release()(
        major in 0_u32..4, minor in 0_u32..4,
        abi in prop::option::of((0_u32..3, 0_u32..4)),
        core in prop::sample::select(vec!["*", ">=1", "<1", ">=2, <3", "1.0.0"]),
        schema in 0_u32..4, migrates_from in 0_u32..3,
        channel in prop::sample::select(vec!["stable", "beta", "nightly"]),
        stone in prop::bool::weighted(0.2),
    ) -> Release {
        let release = notes(&format!("{major}.{minor}.0"))
            .with("core", core)
            .with("schema", schema)
            .with("migrates_from", migrates_from)
            .with("oldest_reader", schema.min(1))
            .with("stepping_stone", stone)
            .on(channel);
        match abi {
            Some((major, minor)) => release.with("abi", format!("{major}.{minor}")),
            None => release,
        }
    }
}

fn any_host() -> impl Strategy<Value = Installed> {
    let installed = (0_u32..4, 0_u32..4, 0_u32..3)
        .prop_map(|(major, minor, schema)| host_with_notes(&format!("{major}.{minor}.0"), schema));
    prop_oneof![Just(host()), installed]
}

fn planned(installed: &Installed, targets: &Verified<Targets>) -> Option<Plan> {
    plan(installed, targets, &Policy::default(), &newest(), NOW).plan().cloned()
}

/// The host once `plan` was carried out.
fn applied(mut installed: Installed, plan: &Plan) -> Installed {
    for change in &plan.changes {
        let app = InstalledApp {
            version: change.to.clone(),
            digest: change.digest,
            grants: change.grants.clone(),
            schema: change.schema.1,
            oldest_reader: change.oldest_reader,
            needs: newleaf_plan::Needs::default(),
        };
        installed.apps.insert(name(), app);
    }
    installed.seq += 1;
    installed
}

fn manifest_of(targets: &Verified<Targets>, plan: &Plan) -> Manifest {
    targets.file(&plan.changes[0].path).unwrap().manifest().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_chosen_runs_here(
        releases in prop::collection::vec(release(), 0..8), installed in any_host(),
    ) {
        let targets = repository(&releases);
        let Some(plan) = planned(&installed, &targets) else { return Ok(()) };
        let manifest = manifest_of(&targets, &plan);
        let runs = |abi: &AbiVersion| installed.abi.runs(abi);
        prop_assert!(manifest.abi.as_ref().is_none_or(runs), "{:?}", manifest.abi);
        let takes = |range: &VersionReq| range.matches(&installed.core.version);
        prop_assert!(manifest.core.as_ref().is_none_or(takes), "{:?}", manifest.core);
        if let Some(app) = installed.apps.get(&name()) {
            prop_assert!(manifest.version > app.version);
            prop_assert!(manifest.migrates_from <= app.schema);
            prop_assert!(manifest.schema >= app.oldest_reader);
        }
    }

    #[test]
    fn planning_twice_gives_the_same_plan(
        releases in prop::collection::vec(release(), 0..8), installed in any_host(),
    ) {
        // Of two releases under one path only the last is listed: keep one of each.
        let mut seen = std::collections::BTreeSet::new();
        let forward =
            releases.into_iter().filter(|it| seen.insert(it.digest())).collect::<Vec<_>>();
        let mut backward = forward.clone();
        backward.reverse();
        prop_assert_eq!(
            planned(&installed, &repository(&forward)),
            planned(&installed, &repository(&backward))
        );
    }

    #[test]
    fn carrying_plans_out_ends_with_nothing_to_plan(
        releases in prop::collection::vec(release(), 0..8), installed in any_host(),
    ) {
        let targets = repository(&releases);
        let mut installed = installed;
        let mut last: Option<Version> = None;
        for _ in 0..=releases.len() {
            let Some(plan) = planned(&installed, &targets) else { return Ok(()) };
            let to = plan.changes[0].to.clone();
            prop_assert!(last.is_none_or(|last| last < to), "it went back to {to}");
            last = Some(to);
            installed = applied(installed, &plan);
        }
        prop_assert!(false, "each plan brought another one");
    }

    #[test]
    fn one_plan_is_enough_where_no_release_builds_on_another(
        releases in prop::collection::vec(release(), 0..8), installed in any_host(),
    ) {
        let plain = releases
            .into_iter()
            .map(|it| it.with("stepping_stone", false).with("migrates_from", 0))
            .collect::<Vec<_>>();
        let targets = repository(&plain);
        let Some(plan) = planned(&installed, &targets) else { return Ok(()) };
        prop_assert_eq!(planned(&applied(installed, &plan), &targets), None);
    }
}
