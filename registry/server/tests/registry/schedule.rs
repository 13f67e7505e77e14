//! Roles are signed again before they expire, and a restart changes nothing.
#![expect(clippy::unwrap_used, reason = "a fault in a helper fails the test")]

use newleaf_trust::RefreshOutcome;

use crate::support::author::Author;
use crate::support::host::{packages, refresh};
use crate::support::world::{START, World};

/// What a host sees once the worker has run a whole batch by the clock as it is now.
async fn after_the_next_batch(world: &World) -> RefreshOutcome {
    let mut batches = world.registry.finished_batches();
    // The first may have looked at the clock before it was moved.
    for _ in 0..2 {
        batches.changed().await.unwrap();
    }
    refresh(&world.public(), &world.root(), world.now()).unwrap()
}

#[tokio::test]
async fn the_timestamp_is_signed_hourly_and_the_rest_at_half_its_life() {
    let world = World::start().await;
    let first = refresh(&world.public(), &world.root(), START).unwrap().freshness;
    world.clock.advance(3600);
    let hour = after_the_next_batch(&world).await.freshness;
    assert_eq!(hour.timestamp_expires, first.timestamp_expires.plus_seconds(3600));
    assert_eq!(hour.snapshot_expires, first.snapshot_expires);
    world.clock.advance(4 * 86_400);
    let later = after_the_next_batch(&world).await;
    assert!(later.freshness.snapshot_expires > first.snapshot_expires);
    assert!(later.targets.failures.is_empty());
}

#[tokio::test]
async fn what_was_published_survives_a_restart() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let before = world.get("/tuf/timestamp.json").await.body;
    let world = world.restart().await;
    assert_eq!(world.get("/tuf/timestamp.json").await.body, before);
    let next = ada.release("notes", "1.1.0", START);
    world.upload_all(&next).await;
    let answer = world.send_role(&ada, 1, ada.role(2, &[&notes, &next], START)).await;
    assert_eq!(answer.status, http::StatusCode::CREATED, "{answer:?}");
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    assert_eq!(packages(&seen).len(), 2);
}
