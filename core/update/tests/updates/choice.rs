//! What a person may choose from: every version with its notes, channels, and checks switched off.

use newleaf_domain::{Channel, Target};
use newleaf_plan::Verdict;
use newleaf_update::port::fake::{World, quick};
use newleaf_update::{ChannelError, Checks, Consent, Settings};
use serde_json::json;

use crate::story::*;

fn world_with_cores() -> World {
    let world = World::new();
    world.publisher().core("0.9.0", json!({"schema": 1, "oldest_reader": 1}));
    world.publisher().core("1.1.0", json!({"schema": 1, "oldest_reader": 1}));
    world.publish();
    world
}

#[tokio::test]
async fn every_version_is_listed_with_date_size_and_notes() {
    let world = world();
    let host = world.start();
    update(&host, &target()).await;
    world.publisher().app("acme/notes", "2.0.0", wants(2, 2, 16));
    world.publish();
    host.updater.check().await.unwrap();
    let view = host.updater.releases(&target()).await.unwrap();
    let told = view.releases.iter().map(|row| {
        (row.candidate.version.as_str(), row.notes.as_deref(), row.candidate.length.as_u64() > 0)
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("2.0.0", Some("Better."), true), ("1.0.0", Some("Better."), true)]
    );
    // What was read once is not asked for again, and what is gone holds nothing up.
    world.repository.disappear();
    let again = host.updater.releases(&target()).await.unwrap();
    assert_eq!(again.releases, view.releases);
    let fresh = world.start();
    let without = fresh.updater.releases(&target()).await.unwrap();
    assert_eq!(without.releases.len(), 2);
    assert!(without.releases.iter().all(|row| row.notes.is_none()));
}

#[tokio::test]
async fn an_older_core_is_listed_planned_and_gone_back_to() {
    let world = world_with_cores();
    let host = world.start();
    host.updater.check().await.unwrap();
    let view = host.updater.releases(&Target::Core).await.unwrap();
    let old = &view.releases.last().unwrap().candidate;
    assert!(matches!(old.verdict, Verdict::OnRequest { .. }), "{old:?}");
    let version = newleaf_domain::Version::parse("0.9.0").unwrap();
    let plan = host.updater.plan(&Target::Core, Some(version)).await.unwrap().plan;
    assert!(plan.goal().unwrap().is_downgrade());
    let id = approve(&host, plan.id, Consent::NotGiven).await.unwrap();
    assert!(end(&host, &id).await.exit_class().is_none());
    assert_eq!(world.disk.state().core.good.version.as_str(), "0.9.0");
    // The newer one it came from can be had again.
    assert_eq!(world.disk.state().core.previous.unwrap().version.as_str(), "1.0.0");
}

#[tokio::test]
async fn a_channel_that_is_not_for_everyone_needs_a_yes_and_counts_at_once() {
    let world = world_with_cores();
    let path = world.publisher().core("1.2.0-beta.1", json!({"schema": 1, "oldest_reader": 1}));
    world
        .publisher()
        .edit_record(&path, |record| record.custom["release"]["channel"] = "beta".into());
    world.publish();
    let host = world.start();
    host.updater.check().await.unwrap();
    let offered = async || host.updater.overview().await.unwrap().core.offer.unwrap().version;
    assert_eq!(offered().await.as_str(), "1.1.0");

    let set = async |channel, consent| {
        host.updater.set_channel(&Target::Core, channel, consent, "ada").await
    };
    let refused = set(Channel::Beta, Consent::NotGiven).await.unwrap_err();
    assert!(matches!(refused, ChannelError::ConsentNeeded { .. }), "{refused}");
    assert!(refused.to_string().contains("help to find faults"), "{refused}");
    assert_eq!(offered().await.as_str(), "1.1.0");

    let view = set(Channel::Beta, Consent::Given).await.unwrap();
    assert_eq!((view.channel, view.stays), (Channel::Beta, None));
    assert_eq!(offered().await.as_str(), "1.2.0-beta.1");
    assert_eq!(world.disk.channels().get(&Target::Core), Some(&Channel::Beta));

    // Leaving takes nothing back, and says so.
    update(&host, &Target::Core).await;
    let left = set(Channel::Stable, Consent::NotGiven).await.unwrap();
    assert!(left.stays.unwrap().contains("leaving a channel takes nothing back"));
    assert_eq!(world.disk.state().core.good.version.as_str(), "1.2.0-beta.1");
    assert!(host.updater.overview().await.unwrap().core.offer.is_none());
}

#[tokio::test]
async fn a_channel_of_what_is_not_installed_is_refused() {
    let world = world();
    let host = world.start();
    let refused = host
        .updater
        .set_channel(&target(), Channel::Beta, Consent::Given, "ada")
        .await
        .unwrap_err();
    assert!(matches!(refused, ChannelError::NotInstalled { .. }), "{refused}");
}

#[tokio::test]
async fn checks_that_are_off_are_said_to_be_off_and_never_up_to_date() {
    let world = World::new();
    let off = || Settings { checks: Checks::Off, ..quick() };
    let since = world_now(&world);
    let host = world.start_with(off());
    host.updater.note_checks().await.unwrap();
    world.clock.set(since.plus_seconds(40 * 86_400));
    let host_later = world.start_with(off());
    host_later.updater.note_checks().await.unwrap();
    let overview = host_later.updater.overview().await.unwrap();
    assert_eq!(
        overview.sentence,
        format!("Checks for updates are off since {since}: what is newer is not known.")
    );
    // Signatures that ran out while nobody was to look are no error.
    assert!(overview.notices.is_empty(), "{:?}", overview.notices);

    // By hand it looks, and says what it found.
    world.publish();
    let freshness = host_later.updater.check().await.unwrap();
    assert_eq!(freshness.off_since, Some(since));
    assert!(freshness.last_check.is_some());
    assert!(!host_later.updater.overview().await.unwrap().sentence.contains("up to date"));

    let on = world.start();
    on.updater.note_checks().await.unwrap();
    assert_eq!(on.updater.overview().await.unwrap().sentence, "Everything is up to date.");
}
