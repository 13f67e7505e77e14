//! Going back in code alone: the data stays as the newer version left it, and nobody forgets that.

use newleaf_domain::Version;
use newleaf_launcher::journal::{Ending, StepId};
use newleaf_update::port::fake::{Fault, Host, Point, World};
use newleaf_update::{BackYes, StartError};

use crate::story::*;

/// What `state` says of the data, and what the program writes where that is older.
fn noted(world: &World) -> (u32, u32, Option<u32>) {
    let good = world.disk.state().apps[&notes()].good.clone().unwrap();
    (good.schema, good.oldest_reader, good.writes)
}

fn publish(world: &World, version: &str, schema: u32, oldest_reader: u32) {
    world.publisher().app("acme/notes", version, wants(schema, oldest_reader, 4));
    world.publish();
    world.clock.set(world_now(world).plus_seconds(3600));
}

/// Notes 2.0.0 (schema 2) serves, was updated from 1.0.0, and 3.0.0 is offered: schema 3, which a
/// program of schema 2 reads.
async fn with_three_versions() -> (World, Host) {
    let world = world_with_update().await;
    world.publisher().app("acme/notes", "2.0.0", wants(2, 1, 4));
    world.publish();
    let host = world.start();
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Committed));
    publish(&world, "3.0.0", 3, 2);
    (world, host)
}

async fn go_back(host: &Host) {
    let id = host.updater.rollback(&target(), BackYes::WHATEVER, "ada".to_owned()).await.unwrap();
    let report = end(host, &id).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
}

#[tokio::test]
async fn after_code_alone_went_back_no_version_gets_data_that_it_cannot_read() {
    let (world, host) = with_three_versions().await;
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Committed));
    go_back(&host).await;
    assert_eq!((schema(&world), noted(&world)), (3, (3, 2, Some(2))));
    let oldest = Version::parse("1.0.0").unwrap();
    let refused = host.updater.plan(&target(), Some(oldest)).await.unwrap_err().to_string();
    assert!(refused.contains("writes schema 1, the data needs a program of 2"), "{refused}");
}

#[tokio::test]
async fn forward_again_is_no_migration_of_data_that_stayed() {
    let (world, host) = with_three_versions().await;
    update(&host, &target()).await;
    go_back(&host).await;
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    let migrate = report.steps.iter().find(|row| row.step == StepId::Migrate).unwrap();
    assert!(format!("{:?}", migrate.standing).contains("has schema 3 already"), "{migrate:?}");
    assert_eq!((schema(&world), noted(&world)), (3, (3, 2, None)));
}

#[tokio::test]
async fn a_failed_probation_that_leaves_the_data_tells_its_schema() {
    let (world, host) = with_three_versions().await;
    world.disk.fail(Point::Probation, Fault::Version);
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::RolledBack));
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
    assert_eq!((schema(&world), noted(&world)), (3, (3, 2, Some(2))));
}

#[tokio::test]
async fn a_version_reads_by_what_it_writes_and_its_copy_says_what_it_was() {
    let (world, host) = with_three_versions().await;
    update(&host, &target()).await;
    go_back(&host).await;
    // Of schema 3 are the data, not the program: it cannot read this.
    publish(&world, "3.1.0", 4, 3);
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Committed));
    let app = host.updater.overview().await.unwrap().apps.remove(0);
    assert!(app.undo.unwrap().loses.is_some());
    go_back(&host).await;
    assert_eq!((schema(&world), noted(&world)), (3, (3, 2, Some(2))));
}

#[tokio::test]
async fn a_yes_to_what_was_shown_is_none_to_what_undo_does_after_a_later_update() {
    let (world, host) = with_three_versions().await;
    let undo = async || host.updater.overview().await.unwrap().apps.remove(0).undo.unwrap();
    let back = async |yes| host.updater.rollback(&target(), yes, "ada".to_owned()).await;
    let shown = undo().await;
    assert_eq!(shown.loses, None);
    publish(&world, "3.0.1", 4, 4);
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Committed));
    assert!(host.plugins.write(&notes(), "salt"));

    let moved = back(BackYes::to(shown.mark.unwrap())).await.unwrap_err();
    assert!(matches!(moved, StartError::UndoMoved { .. }), "{moved}");
    let loses = back(BackYes::WHERE_NOTHING_IS_LOST).await.unwrap_err().to_string();
    assert!(loses.ends_with("written since the update to 3.0.1 (1 change) would be lost"));
    assert_eq!((good(&world).as_deref(), written(&world).len()), (Some("3.0.1"), 3));

    // People go on writing while somebody reads.
    let shown = undo().await;
    assert!(host.plugins.write(&notes(), "pepper"));
    let id = back(BackYes::to(shown.mark.unwrap())).await.unwrap();
    assert_eq!(end(&host, &id).await.ending, Some(Ending::Committed));
    assert_eq!((good(&world).as_deref(), written(&world).len()), (Some("2.0.0"), 2));
}
