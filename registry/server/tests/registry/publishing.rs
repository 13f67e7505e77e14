//! What an author sends is what a host sees.

use http::StatusCode;
use newleaf_domain::{Namespace, PackageName, Version};
use newleaf_registry::Settings;
use newleaf_registry_api::{Catalogue, Code, path};
use newleaf_trust::TrustLevel;
use serde_json::json;

use crate::support::author::Author;
use crate::support::host::{packages, refresh};
use crate::support::world::{START, World, succeed};

#[tokio::test]
async fn a_published_release_is_seen_by_a_host_that_reads_plain_files() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    assert_eq!(packages(&seen), [&*notes.package]);
    let file = seen.targets.file(&notes.package).unwrap();
    assert_eq!(file.signer.level, TrustLevel::Fresh);
    let stored = std::fs::read(world.public().join("targets").join(file.stored_path())).unwrap();
    assert_eq!(stored, notes.files[&notes.package]);
    assert!(seen.targets.failures.is_empty(), "{:?}", seen.targets.failures);
}

#[tokio::test]
async fn the_catalogue_says_what_the_newest_manifest_says() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let old = ada.release("notes", "1.0.0", START);
    let new = ada.release_with("notes", "1.1.0", START, &json!({"summary": "Finds notes"}));
    world.publish_first(&ada, &[&old, &new]).await;
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    let shard = seen.targets.file("meta/catalogue/0.json").unwrap();
    let bytes = std::fs::read(world.public().join("targets").join(shard.stored_path())).unwrap();
    let catalogue: Catalogue = serde_json::from_slice(&bytes).unwrap();
    let [app] = &catalogue.apps[..] else { panic!("{catalogue:?}") };
    assert_eq!((app.version.as_str(), &*app.summary), ("1.1.0", "Finds notes"));
    let list = world.get(path::APPS).await.json();
    assert_eq!(list["apps"][0]["releases"][0]["version"], "1.1.0");
    assert_eq!(list["apps"][0]["releases"][1]["version"], "1.0.0");
}

#[tokio::test]
async fn of_two_who_send_the_same_version_one_is_told_to_sign_again() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let (notes, tasks) =
        (ada.release("notes", "1.0.0", START), ada.release("tasks", "1.0.0", START));
    assert_eq!(world.claim(&ada).await.status, StatusCode::CREATED);
    world.upload_all(&notes).await;
    world.upload_all(&tasks).await;
    let (one, two) = tokio::join!(
        world.send_role(&ada, 0, ada.role(1, &[&notes], START)),
        world.send_role(&ada, 0, ada.role(1, &[&tasks], START)),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let loser = if one.status == StatusCode::CONFLICT { one } else { two };
    assert_eq!(loser.problem().code, Code::VersionConflict);
    let again = world.send_role(&ada, 1, ada.role(2, &[&notes, &tasks], START)).await;
    assert_eq!(again.status, StatusCode::CREATED, "{again:?}");
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    assert_eq!(packages(&seen).len(), 2);
}

#[tokio::test]
async fn only_the_next_version_is_taken() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    for (seen, version) in [(1, 3), (2, 3), (0, 1), (1, 1)] {
        let other = ada.role(version, &[&notes], START.plus_seconds(1));
        let answer = world.send_role(&ada, seen, other).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{seen} then {version}: {answer:?}");
    }
    let problem = world.send_role(&ada, 2, ada.role(3, &[&notes], START)).await.problem();
    assert_eq!((problem.current, problem.field.as_deref()), (Some(1), Some("signed.version")));
}

#[tokio::test]
async fn a_sender_who_missed_the_answer_gets_it_again() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let again = world.send_role(&ada, 0, ada.role(1, &[&notes], START)).await;
    assert_eq!((again.status, again.json()["version"].as_u64()), (StatusCode::CREATED, Some(1)));
}

#[tokio::test]
async fn the_current_role_is_read_with_its_entity_tag() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let role = path::role(&ada.namespace);
    assert_eq!(world.get(&role).await.status, StatusCode::NOT_FOUND);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let current = world.get(&role).await;
    assert_eq!((current.header("etag"), &current.body), ("\"1\"", &ada.role(1, &[&notes], START)));
}

#[tokio::test]
async fn a_yanked_release_is_named_in_the_advisories() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let app = PackageName::parse("acme/notes").unwrap();
    let yank = path::yank(&app, &Version::parse("1.0.0").unwrap());
    let answer = world.post(&yank, &json!({"reason": "it loses notes"})).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    let file = seen.targets.file(&notes.package).unwrap();
    let reasons: Vec<_> =
        seen.targets.advisories().unwrap().about(file).map(|found| found.reason.clone()).collect();
    assert_eq!(reasons, ["it loses notes"]);
    let never = path::yank(&app, &Version::parse("9.0.0").unwrap());
    assert_eq!(world.post(&never, &json!({"reason": "x"})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn authors_who_have_not_published_are_not_delegated_to() {
    let world = World::start().await;
    assert_eq!(world.claim(&Author::new("acme", 1)).await.status, StatusCode::CREATED);
    let bob = Author::new("bob", 2);
    world.publish_first(&bob, &[&bob.release("clock", "1.0.0", START)]).await;
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    let known: Vec<_> = seen.targets.signers.keys().map(Namespace::as_str).collect();
    assert_eq!(known, ["bob"]);
    assert!(seen.targets.failures.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_author_vouched_for_offline_is_claimed_and_no_longer_fresh() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let file = |name: &str| world.temp.path().join(name).to_str().unwrap().to_owned();
    let (dir, keys) = (file("registry"), file("keys"));
    let (current, next, author) = (file("claimed.json"), file("2.claimed.json"), file("acme.json"));
    std::fs::write(&author, world.get("/api/v1/namespaces/acme").await.body).unwrap();
    succeed(&["role", "get", "--dir", &dir, "claimed", "--out", &current]);
    succeed(&["keys", "claim", "--keys", &keys, "--role", &current, "acme", "--author", &author]);
    succeed(&["role", "publish", "--dir", &dir, &next]);
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    assert_eq!(seen.targets.file(&notes.package).unwrap().signer.level, TrustLevel::Claimed);
    let fresh = String::from_utf8(world.get("/tuf/3.fresh.json").await.body).unwrap();
    assert!(!fresh.contains("pub.acme"), "{fresh}");
    let next = ada.release("notes", "1.1.0", START);
    world.upload_all(&next).await;
    let answer = world.send_role(&ada, 1, ada.role(2, &[&notes, &next], START)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}

#[tokio::test]
async fn a_sender_who_waits_too_long_is_told_where_to_ask() {
    let world =
        World::start_with(Settings { batch_ms: 60_000, wait_seconds: 1, ..Settings::default() })
            .await;
    world.registry.finished_batches().wait_for(|count| *count > 0).await.unwrap();
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    assert_eq!(world.claim(&ada).await.status, StatusCode::CREATED);
    world.upload_all(&notes).await;
    let answer = world.send_role(&ada, 0, ada.role(1, &[&notes], START)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
    let place = answer.header("location");
    assert_eq!(world.get(place).await.json()["state"], "validating");
    let rival = world.send_role(&ada, 0, ada.role(1, &[], START)).await.problem();
    assert!(rival.detail.contains("is being checked"), "{rival}");
    world.registry.run_batch().await.unwrap();
    assert_eq!(world.get(place).await.json()["state"], "published");
}
