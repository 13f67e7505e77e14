//! What an app may do: asked for, agreed to for exactly one release, refused, and taken back.

use std::time::Duration;

use newleaf_domain::{ByteSize, Difference, GrantChange, Version};
use newleaf_launcher::journal::Ending;
use newleaf_plan::{Automatic, Reason, Verdict};
use newleaf_update::port::fake::{Fault, Host, Point, World, quick};
use newleaf_update::view::{PrerequisiteId, Standing};
use newleaf_update::{
    BY_ITSELF, BackYes, Consent, ExitClass, Explain as _, Settings, Skip, StartError,
};
use serde_json::{Value, json};

use crate::story::*;

/// What a manifest of notes asks for: so much room, and to talk to these hosts.
fn asking(mib: u64, hosts: &[&str]) -> Value {
    let mut wants = wants(1, 1, mib);
    let asked = wants["capabilities"].as_array_mut().unwrap();
    asked.extend(
        hosts
            .iter()
            .map(|host| json!({"kind": "http", "host": host, "reason": format!("to read {host}")})),
    );
    wants
}

/// A world in which notes 1.0.0 with 4 MiB is installed, and `version` asks for `asks`.
async fn world_offering(version: &str, asks: Value) -> (World, Host) {
    let world = world();
    let host = world.start();
    assert!(update(&host, &target()).await.exit_class().is_none());
    publish(&world, version, asks);
    (world, host)
}

fn publish(world: &World, version: &str, asks: Value) {
    world.publisher().app("acme/notes", version, asks);
    world.publish();
    world.clock.set(world_now(world).plus_seconds(3600));
}

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

#[tokio::test]
async fn a_plan_tells_each_difference_with_its_kind_and_its_authors_reason() {
    let (_world, host) = world_offering("1.1.0", asking(16, &["a.example.com"])).await;
    let plan = host.updater.plan(&target(), None).await.unwrap();
    let told = plan.changes[0].grants.iter().map(|it| (it.difference(), it.reason.as_deref()));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (Difference::Wider, Some("to keep your notes")),
            (Difference::New, Some("to read a.example.com"))
        ]
    );
}

#[tokio::test]
async fn without_a_yes_nothing_starts_and_the_way_to_say_it_is_named() {
    let (_world, host) = world_offering("1.1.0", asking(16, &[])).await;
    let plan = host.updater.plan(&target(), None).await.unwrap().plan.id;
    let refused = approve(&host, plan, Consent::NotGiven).await.unwrap_err();
    let StartError::ConsentNeeded { changes, .. } = &refused else { panic!("{refused}") };
    assert_eq!(changes[0].reason.as_deref(), Some("to keep your notes"));
    assert_eq!(refused.class(), ExitClass::Blocked);
    assert!(refused.todo().contains("--accept-permissions"), "{}", refused.todo());
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
}

#[tokio::test]
async fn a_yes_counts_for_exactly_one_release_and_a_wider_one_asks_again() {
    let (world, host) = world_offering("1.1.0", asking(16, &[])).await;
    let plan = host.updater.plan(&target(), None).await.unwrap().plan.id;
    // A release that asks for more comes between the reading and the yes.
    publish(&world, "1.2.0", asking(16, &["a.example.com"]));
    host.updater.check().await.unwrap();
    let stale = approve(&host, plan, Consent::Given).await.unwrap_err();
    assert!(matches!(stale, StartError::Stale(_)), "{stale}");

    let narrower = host.updater.plan(&target(), Some(version("1.1.0"))).await.unwrap().plan.id;
    let id = approve(&host, narrower, Consent::Given).await.unwrap();
    assert!(end(&host, &id).await.exit_class().is_none());
    let wider = host.updater.plan(&target(), None).await.unwrap().plan.id;
    let refused = approve(&host, wider, Consent::NotGiven).await.unwrap_err();
    let StartError::ConsentNeeded { changes, .. } = refused else { panic!("{refused}") };
    // What was agreed to is not asked for again.
    let asked = changes.iter().map(GrantChange::difference).collect::<Vec<_>>();
    assert_eq!(asked, [Difference::New]);
}

#[tokio::test]
async fn a_narrower_claim_needs_no_yes() {
    let (world, host) = world_offering("1.1.0", asking(1, &[])).await;
    let plan = host.updater.plan(&target(), None).await.unwrap();
    assert_eq!(plan.changes[0].grants[0].difference(), Difference::Narrower);
    let id = approve(&host, plan.plan.id, Consent::NotGiven).await.unwrap();
    assert!(end(&host, &id).await.exit_class().is_none());
    let good = world.disk.state().apps[&notes()].good.clone().unwrap();
    assert_eq!(good.grants.storage_quota(), Some(ByteSize::mib(1)));
}

#[tokio::test]
async fn undo_takes_permissions_back_and_says_which() {
    let (world, host) = world_offering("1.1.0", asking(16, &["a.example.com"])).await;
    assert!(update(&host, &target()).await.exit_class().is_none());
    let held = || world.disk.state().apps[&notes()].good.clone().unwrap().grants;
    assert!(held().http_hosts().any(|host| host == "a.example.com"));
    let overview = host.updater.overview().await.unwrap();
    let undo = overview.apps[0].undo.clone().unwrap();
    let told = undo.grants.iter().map(GrantChange::difference).collect::<Vec<_>>();
    assert_eq!(told, [Difference::Narrower, Difference::Gone]);
    let id = host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    assert!(end(&host, &id).await.exit_class().is_none());
    assert_eq!(held().http_hosts().next(), None);
    assert_eq!(held().storage_quota(), Some(ByteSize::mib(4)));
    // Forward again asks again.
    let plan = host.updater.plan(&target(), Some(version("1.1.0"))).await.unwrap().plan.id;
    assert!(approve(&host, plan, Consent::NotGiven).await.is_err());
}

#[tokio::test]
async fn a_refused_version_is_not_offered_until_the_no_is_taken_back_and_later_ones_are() {
    let (world, host) = world_offering("1.1.0", asking(16, &[])).await;
    host.updater.check().await.unwrap();
    let view = host.updater.skip(&target(), None, Skip::Refuse, "ada").await.unwrap();
    assert_eq!(view.skipped, [version("1.1.0")]);
    assert_eq!(world.disk.skipped()[&target()], [version("1.1.0")].into());
    let offer = async || host.updater.overview().await.unwrap().apps[0].offer.clone();
    assert_eq!(offer().await, None);
    let releases = host.updater.releases(&target()).await.unwrap().releases;
    assert_eq!(releases[0].candidate.verdict, Verdict::OnRequest { reason: Reason::Skipped });
    let nothing = host.updater.skip(&target(), None, Skip::Refuse, "ada").await.unwrap_err();
    assert!(nothing.todo().contains("--list"), "{}", nothing.todo());

    publish(&world, "1.2.0", asking(4, &[]));
    host.updater.check().await.unwrap();
    assert_eq!(offer().await.unwrap().version, version("1.2.0"));
    let view = host.updater.skip(&target(), Some(version("1.1.0")), Skip::Offer, "ada").await;
    assert!(view.unwrap().skipped.is_empty());
    let again = host.updater.skip(&target(), None, Skip::Offer, "ada").await;
    assert!(again.is_err());
}

/// Settings by which notes is updated by itself.
fn automatic(allowed: Automatic) -> Settings {
    let mut settings = quick();
    settings.policy.automatic.insert(target(), allowed);
    settings
}

#[tokio::test]
async fn a_wider_claim_stops_automatic_updates_with_its_reason_and_a_narrower_passes() {
    let (world, _) = world_offering("1.1.0", asking(16, &["a.example.com"])).await;
    let host = world.start_with(automatic(Automatic::Major));
    host.updater.check().await.unwrap();
    assert_eq!(host.updater.by_itself().await, None);
    let waits = host.updater.overview().await.unwrap().apps[0].offer.clone().unwrap().waits_for;
    assert_eq!(
        waits.unwrap().to_string(),
        "it asks for more than today: store up to 16 MiB, talk to a.example.com"
    );

    publish(&world, "1.2.0", asking(1, &[]));
    host.updater.check().await.unwrap();
    let id = host.updater.by_itself().await.unwrap();
    let report = end(&host, &id).await;
    assert!(report.exit_class().is_none(), "{report:#?}");
    assert_eq!((report.by.as_str(), report.to.as_str()), (BY_ITSELF, "1.2.0"));
    assert_eq!(host.updater.by_itself().await, None);
}

#[tokio::test]
async fn what_goes_further_than_the_settings_say_waits_and_nothing_goes_where_they_say_nothing() {
    let (world, host) = world_offering("1.1.0", asking(4, &[])).await;
    host.updater.check().await.unwrap();
    assert_eq!(host.updater.by_itself().await, None);
    let offer = host.updater.overview().await.unwrap().apps[0].offer.clone().unwrap();
    assert_eq!(offer.waits_for, None);
    let patches = world.start_with(automatic(Automatic::Patch));
    patches.updater.check().await.unwrap();
    assert_eq!(patches.updater.by_itself().await, None);
    let waits = patches.updater.overview().await.unwrap().apps[0].offer.clone().unwrap().waits_for;
    assert_eq!(
        waits.unwrap().to_string(),
        "acme/notes is updated by itself for patch steps only, and this one is minor"
    );
    let minors = world.start_with(automatic(Automatic::Minor));
    minors.updater.check().await.unwrap();
    let id = minors.updater.by_itself().await.unwrap();
    assert!(end(&minors, &id).await.exit_class().is_none());
}

#[tokio::test]
async fn a_claim_beyond_what_the_host_gives_is_blocked_with_the_line_that_would_allow_it() {
    let (world, _) = world_offering("1.1.0", asking(2048, &[])).await;
    let plan_with = async |most: ByteSize| {
        let host = world.start_with(Settings { most_storage: most, ..quick() });
        let plan = host.updater.plan(&target(), None).await.unwrap();
        let row = plan.prerequisites.iter().find(|row| row.id == PrerequisiteId::Storage).cloned();
        (host, plan.plan.id, row.unwrap())
    };
    let (host, id, row) = plan_with(ByteSize::mib(1024)).await;
    assert_eq!(row.standing, Standing::Block);
    let remedy = row.remedy.unwrap();
    assert!(remedy.contains("most_storage = 2147483648"), "{remedy}");
    let refused = approve(&host, id, Consent::Given).await.unwrap_err();
    assert_eq!(refused.class(), ExitClass::Blocked);
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    let (_host, _, row) = plan_with(ByteSize::mib(2048)).await;
    assert_eq!(row.standing, Standing::Pass);
}

#[tokio::test]
async fn what_fails_for_the_machines_fault_is_tried_again_by_itself_at_growing_intervals() {
    let (world, _) = world_offering("1.1.0", asking(4, &[])).await;
    let host = world.start_with(automatic(Automatic::Major));
    host.updater.check().await.unwrap();
    world.disk.fail(Point::Drain, Fault::Machine);
    let fails = async || {
        let id = host.updater.by_itself().await.expect("nothing is begun");
        assert_eq!(end(&host, &id).await.ending, Some(Ending::RolledBack));
    };
    let pass = |seconds| world.clock.set(world_now(&world).plus_seconds(seconds));
    for minutes in [1, 2, 4] {
        fails().await;
        let records = world.disk.journal().len();
        assert_eq!(host.updater.tries_again_in(), Some(Duration::from_mins(minutes)));
        pass(i64::try_from(minutes).unwrap() * 60 - 1);
        assert_eq!(host.updater.by_itself().await, None, "in less than {minutes} min");
        assert_eq!(world.disk.journal().len(), records);
        pass(1);
    }
    fails().await;
    // Another release is news, and so is what a person does.
    publish(&world, "1.2.0", asking(4, &[]));
    host.updater.check().await.unwrap();
    fails().await;
    assert_eq!(host.updater.by_itself().await, None);
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::RolledBack));
    fails().await;
}
