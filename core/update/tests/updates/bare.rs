//! A core program that lies bare on disk, and the signed release it is the binary of.

use newleaf_domain::{Digest, Version};
use newleaf_update::Matched;
use newleaf_update::port::fake::{Host, World};
use serde_json::json;

/// A repository with 1.1.0, a stepping stone, and 1.2.0.
fn world_with_cores() -> World {
    let world = World::new();
    world.publisher().core("1.1.0", json!({"stepping_stone": true}));
    world.publisher().core("1.2.0", json!({"schema": 2, "oldest_reader": 1}));
    world.publish();
    world
}

/// What is known of these bytes, which say that they are `version`, without a way out.
async fn known(host: &Host, version: &str, bytes: &str) -> Matched {
    host.updater.core_of(Digest::of(bytes.as_bytes()), &Version::parse(version).unwrap()).await
}

#[tokio::test]
async fn a_bare_program_is_matched_to_its_release_by_its_bytes() {
    let world = world_with_cores();
    let host = world.start();
    host.updater.check().await.unwrap();
    let found = known(&host, "1.1.0", "core 1.1.0").await;
    let release = found.release.expect("its bytes are those of the release");
    assert!(release.path.starts_with("core/community/1.1.0/"), "{release:?}");
    assert_eq!((found.stone, found.unknown), (None, None));
}

#[tokio::test]
async fn other_bytes_of_a_known_version_are_of_no_release() {
    let world = world_with_cores();
    let host = world.start();
    host.updater.check().await.unwrap();
    assert_eq!(known(&host, "1.1.0", "core 1.1.0 built again").await.release, None);
    // The bytes of one release under the name of another.
    assert_eq!(known(&host, "1.2.0", "core 1.1.0").await.release, None);
}

#[tokio::test]
async fn a_stepping_stone_that_would_be_passed_over_is_named() {
    let world = world_with_cores();
    let host = world.start();
    host.updater.check().await.unwrap();
    let stone = known(&host, "1.2.0", "core 1.2.0").await.stone;
    assert_eq!(stone, Some(Version::parse("1.1.0").unwrap()));
}

#[tokio::test]
async fn a_repository_that_was_never_read_is_not_said_to_be_untrusted() {
    let host = world_with_cores().start();
    let found = known(&host, "1.1.0", "core 1.1.0").await;
    assert_eq!(found.release, None);
    assert_eq!(found.unknown.as_deref(), Some("the repository has not been read yet"));
}
