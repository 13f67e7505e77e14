//! Smaller forms of the packages: made after a release is out, served as static files.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, StatusCode};
use newleaf_domain::{ByteSize, Digest};
use newleaf_package::Written;
use newleaf_package::transport::{Base, apply, expand};
use newleaf_registry::make_smaller;
use tokio::sync::watch;

use crate::support::author::{Author, Release};
use crate::support::world::{START, World};

fn written(bytes: &[u8]) -> Written {
    Written { length: ByteSize::bytes(bytes.len() as u64), sha256: Digest::of(bytes) }
}

fn package(release: &Release) -> &[u8] {
    &release.files[&release.package]
}

fn stored(release: &Release) -> String {
    newleaf_trust::layout::stored_path(&release.package, Digest::of(package(release)))
}

fn delta(from: &Release, to: &Release) -> String {
    format!("/deltas/{}-{}.zst", Digest::of(package(from)), Digest::of(package(to)))
}

/// Makes all that is missing in `world`.
async fn make(world: &World) {
    let (stop, stopped) = watch::channel(false);
    let mut looks = world.registry.finished_looks();
    let before = *looks.borrow_and_update();
    let making = tokio::spawn(make_smaller(Arc::clone(&world.registry), stopped));
    looks.wait_for(|count| *count > before).await.expect("the registry is open");
    stop.send_replace(true);
    making.await.expect("it ends when it is told to");
}

#[tokio::test]
async fn a_copy_and_deltas_from_the_versions_before_are_served_beside_a_release() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let releases = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0"]
        .map(|version| ada.release("notes", version, START));
    world.publish_first(&ada, &releases.each_ref()).await;
    let [oldest, old, .., newest] = &releases;
    assert_eq!(world.get(&delta(old, newest)).await.status, StatusCode::NOT_FOUND);
    make(&world).await;

    let frame = world.get(&delta(old, newest)).await;
    assert_eq!(frame.status, StatusCode::OK);
    assert!(frame.body.len() * 2 <= package(newest).len(), "{} bytes", frame.body.len());
    let base = Base::read(package(old), written(package(old))).unwrap();
    let made = apply(&base, &frame.body, written(package(newest))).unwrap();
    assert_eq!(made, package(newest));
    assert_eq!(world.get(&delta(oldest, newest)).await.status, StatusCode::NOT_FOUND, "a fourth");

    let copy = world.get(&format!("/targets/{}.zst", stored(newest))).await;
    let mut expanded = Vec::new();
    expand(copy.body.as_slice(), &mut expanded, written(package(newest))).unwrap();
    assert_eq!(expanded, package(newest));
}

#[tokio::test]
async fn a_download_of_a_delta_can_be_taken_up_again() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let (old, new) = (ada.release("notes", "1.0.0", START), ada.release("notes", "1.1.0", START));
    world.publish_first(&ada, &[&old, &new]).await;
    make(&world).await;
    let path = delta(&old, &new);
    let whole = world.get(&path).await;
    let tag = whole.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.contains('-'), "{tag}");
    let rest = Request::get(&path).header("range", "bytes=10-").header("if-range", &tag);
    let rest = world.send(rest.body(Body::empty()).unwrap()).await;
    assert_eq!((rest.status, &*rest.body), (StatusCode::PARTIAL_CONTENT, &whole.body[10..]));
    let other = Request::get(&path).header("range", "bytes=10-").header("if-range", "\"other\"");
    let other = world.send(other.body(Body::empty()).unwrap()).await;
    assert_eq!((other.status, other.body), (StatusCode::OK, whole.body));
}

#[tokio::test]
async fn what_is_lost_is_made_again_at_the_next_start() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    make(&world).await;
    let copy = world.public().join("targets").join(format!("{}.zst", stored(&notes)));
    std::fs::remove_file(&copy).unwrap();
    let world = world.restart().await;
    make(&world).await;
    assert!(copy.is_file());
}

#[tokio::test]
async fn a_package_that_was_damaged_on_the_disk_gets_no_delta_and_stops_no_other() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let releases = ["1.0.0", "1.1.0", "1.2.0"].map(|version| ada.release("notes", version, START));
    world.publish_first(&ada, &releases.each_ref()).await;
    let [damaged, old, new] = &releases;
    let path = world.public().join("targets").join(stored(damaged));
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"damaged").unwrap();
    make(&world).await;
    assert_eq!(world.get(&delta(damaged, new)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(&delta(old, new)).await.status, StatusCode::OK);
}
