//! What is refused, with the field and the code that say why; and that nothing of it is published.
#![expect(clippy::unwrap_used, reason = "a fault in a helper fails the test")]

use http::StatusCode;
use newleaf_domain::Timestamp;
use newleaf_registry_api::{Code, Problem};
use newleaf_trust::role::TargetsRole;
use newleaf_trust::sign::sign_role;
use serde_json::json;

use crate::support::author::{Author, Release};
use crate::support::host::{packages, refresh};
use crate::support::world::{START, World};

/// Sends `role` as the first of a new author, and returns why it was refused.
async fn refusal(world: &World, ada: &Author, uploads: &[&Release], role: Vec<u8>) -> Problem {
    assert_eq!(world.claim(ada).await.status, StatusCode::CREATED);
    for release in uploads {
        world.upload_all(release).await;
    }
    let answer = world.send_role(ada, 0, role).await;
    assert!(answer.status.is_client_error(), "{answer:?}");
    let seen = refresh(&world.public(), &world.root(), world.now()).unwrap();
    assert!(packages(&seen).is_empty());
    answer.problem()
}

#[tokio::test]
async fn a_package_that_differs_from_its_role_is_refused_by_field() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let mut notes = ada.release("notes", "1.0.0", START);
    notes.custom["manifest"]["capabilities"][0]["quota"] = json!(1);
    let problem = refusal(&world, &ada, &[&notes], ada.role(1, &[&notes], START)).await;
    assert_eq!((problem.status, problem.code), (422, Code::PackageRefused));
    let field = format!("targets[\"{}\"].custom.manifest.capabilities[0].quota", notes.package);
    assert_eq!(problem.field.as_deref(), Some(&*field));
}

#[tokio::test]
async fn a_package_of_another_version_than_its_path_is_refused() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let more = json!({"version": "1.0.1"});
    let notes = ada.release_with("notes", "1.0.0", START, &more);
    let problem = refusal(&world, &ada, &[&notes], ada.role(1, &[&notes], START)).await;
    assert!(problem.field.unwrap().ends_with(".custom.manifest.version"));
}

#[tokio::test]
async fn an_app_made_for_a_newer_contract_is_refused() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release_with("notes", "1.0.0", START, &json!({"abi": "9.0"}));
    let problem = refusal(&world, &ada, &[&notes], ada.role(1, &[&notes], START)).await;
    assert!(problem.field.unwrap().ends_with(".custom.manifest.abi"));
}

#[tokio::test]
async fn a_damaged_package_is_refused() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let mut notes = ada.release("notes", "1.0.0", START);
    let package = notes.package.clone();
    notes.files.get_mut(&package).unwrap().push(0);
    let problem = refusal(&world, &ada, &[&notes], ada.role(1, &[&notes], START)).await;
    assert_eq!((problem.code, problem.hint.is_some()), (Code::PackageRefused, true));
}

#[tokio::test]
async fn a_role_signed_by_another_key_is_refused() {
    let world = World::start().await;
    let (ada, eve) = (Author::new("acme", 1), Author::new("acme", 6));
    let notes = ada.release("notes", "1.0.0", START);
    let problem = refusal(&world, &ada, &[&notes], eve.role(1, &[&notes], START)).await;
    assert_eq!((problem.code, problem.field.as_deref()), (Code::RoleRefused, Some("signatures")));
}

#[tokio::test]
async fn a_file_that_was_not_uploaded_is_refused() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    let problem = refusal(&world, &ada, &[], ada.role(1, &[&notes], START)).await;
    assert!(problem.detail.ends_with("was not uploaded"), "{problem}");
}

#[tokio::test]
async fn a_path_of_another_namespace_is_refused() {
    let world = World::start().await;
    let (ada, bob) = (Author::new("acme", 1), Author::new("bob", 2));
    let clock = bob.release("clock", "1.0.0", START);
    let problem = refusal(&world, &ada, &[], ada.role(1, &[&clock], START)).await;
    assert!(problem.detail.ends_with("is outside namespace acme"), "{problem}");
}

#[tokio::test]
async fn a_role_that_delegates_is_refused() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let body = Author::body(1, &[], START);
    let body = body.with_delegation(
        "ci",
        &[ada.key.public()],
        newleaf_trust::role::Threshold::ONE,
        &["apps/acme/*/*/*"],
        newleaf_trust::role::targets::Ending::Terminating,
    );
    let role = sign_role(&body, &[&ada.key]).unwrap();
    let problem = refusal(&world, &ada, &[], role).await;
    assert_eq!(problem.field.as_deref(), Some("delegations"));
}

#[tokio::test]
async fn a_role_that_is_expired_or_never_expires_is_refused() {
    let expiring = |at: Timestamp| {
        let mut body: TargetsRole = Author::body(1, &[], START);
        body.header.expires = at;
        body
    };
    for (seed, at) in [(1, START), (2, START.plus_seconds(86_400 * 400))] {
        let world = World::start().await;
        let ada = Author::new("acme", seed);
        let role = sign_role(&expiring(at), &[&ada.key]).unwrap();
        let problem = refusal(&world, &ada, &[], role).await;
        assert_eq!(problem.field.as_deref(), Some("signed.expires"), "{problem}");
    }
}

#[tokio::test]
async fn a_package_without_its_manifest_beside_it_is_refused() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let mut notes = ada.release("notes", "1.0.0", START);
    notes.files.remove("apps/acme/notes/1.0.0/manifest.json");
    let problem = refusal(&world, &ada, &[&notes], ada.role(1, &[&notes], START)).await;
    assert!(problem.detail.contains("manifest.json"), "{problem}");
}

#[tokio::test]
async fn a_released_version_never_changes() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let other = ada.release_with("notes", "1.0.0", START, &json!({"schema": 2}));
    world.upload_all(&other).await;
    let changed = world.send_role(&ada, 1, ada.role(2, &[&other], START)).await.problem();
    assert_eq!((changed.status, changed.code), (422, Code::AlreadyReleased));
    // Neither after the release was left out of the role for a while.
    let without = world.send_role(&ada, 1, ada.role(2, &[], START)).await;
    assert_eq!(without.status, StatusCode::CREATED);
    let back = world.send_role(&ada, 2, ada.role(3, &[&other], START)).await.problem();
    assert_eq!(back.code, Code::AlreadyReleased);
    let older = ada.release("notes", "1.0.0-beta", START);
    world.upload_all(&older).await;
    let behind = world.send_role(&ada, 2, ada.role(3, &[&older], START)).await.problem();
    assert_eq!((behind.code, behind.field.as_deref()), (Code::AlreadyReleased, Some("version")));
}

#[tokio::test]
async fn a_rejected_role_gives_its_version_back() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    refusal(&world, &ada, &[], ada.role(1, &[&notes], START)).await;
    world.upload_all(&notes).await;
    let second = world.send_role(&ada, 0, ada.role(1, &[&notes], START)).await;
    assert_eq!(second.status, StatusCode::CREATED, "{second:?}");
}

#[tokio::test]
async fn what_is_said_of_a_released_package_stays_what_is_inside() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let mut lying = notes.clone();
    lying.custom["manifest"]["schema"] = json!(7);
    let problem = world.send_role(&ada, 1, ada.role(2, &[&lying], START)).await.problem();
    assert!(problem.field.unwrap().ends_with(".custom.manifest.schema"));
    let mut halted = notes.clone();
    halted.custom["release"]["rollout"] = json!(10);
    let answer = world.send_role(&ada, 1, ada.role(2, &[&halted], START)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
}

#[tokio::test]
async fn a_release_takes_no_more_files_once_it_is_out() {
    let world = World::start().await;
    let ada = Author::new("acme", 1);
    let notes = ada.release("notes", "1.0.0", START);
    world.publish_first(&ada, &[&notes]).await;
    let mut more = notes.clone();
    more.files.insert("apps/acme/notes/1.0.0/icon.svg".to_owned(), b"<svg/>".to_vec());
    world.upload_all(&more).await;
    let problem = world.send_role(&ada, 1, ada.role(2, &[&more], START)).await.problem();
    assert_eq!(problem.code, Code::AlreadyReleased, "{problem}");
}
