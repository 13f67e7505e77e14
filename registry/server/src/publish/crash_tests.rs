//! A crash after any step of a batch: hosts see the old state or the new one, and the next start
//! finishes the work.

use std::path::Path;
use std::sync::Arc;

use newleaf_domain::{Clock, FixedClock, Timestamp};
use newleaf_keys::Quorums;
use newleaf_registry_api::{NamePattern, SubmissionState};
use newleaf_trust::KeyPair;
use newleaf_trust::layout::Lifetime;
use newleaf_trust::role::{MetadataVersion, TargetsRole, Threshold};
use newleaf_trust::sign::sign_role;

use super::{Receipt, receive};
use crate::db;
use crate::dir::Dir;
use crate::init::init;
use crate::registry::Registry;
use crate::role_signing::sign_online;
use crate::settings::Settings;

#[path = "../../tests/support/host.rs"]
mod host;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

async fn open(temp: &Path) -> Registry {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock(NOW));
    Registry::open(Dir::new(temp.join("registry")), Settings::default(), clock).await.unwrap()
}

/// A registry with one author whose first role waits to be checked; the role's number.
async fn with_a_role_sent(temp: &Path) -> (Registry, i64) {
    init(&Dir::new(temp.join("registry")), &temp.join("keys"), &Quorums::default(), NOW)
        .await
        .unwrap();
    let registry = open(temp).await;
    let key = KeyPair::generate([1; 32]);
    let namespace = newleaf_domain::Namespace::parse("acme").unwrap();
    let mut transaction = registry.db.write().await.unwrap();
    let ada = db::create_publisher(&mut transaction, "ada", NOW).await.unwrap().unwrap();
    db::claim(&mut transaction, &namespace, ada, &[key.public()], Threshold::ONE, NOW)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let first = MetadataVersion::FIRST;
    let role = TargetsRole::new(first, NOW.plus_seconds(Lifetime::OFFLINE));
    let file = sign_role(&role, &[&key]).unwrap();
    let sent = receive(&registry.db, "pub.acme", first, &NamePattern::Any, &file, NOW).await;
    let Ok(Receipt::Queued(id)) = sent else { panic!("{sent:?}") };
    (registry, id)
}

/// Whether a host sees the author; it must see a consistent repository in any case.
fn host_sees_the_author(temp: &Path) -> bool {
    let dir = temp.join("registry");
    let root = std::fs::read(dir.join("root.json")).unwrap();
    let seen = host::refresh(&dir.join("public"), &root, NOW).unwrap();
    assert!(seen.targets.failures.is_empty(), "{:?}", seen.targets.failures);
    assert!(host::packages(&seen).is_empty());
    !seen.targets.signers.is_empty()
}

/// Signs everything and writes the first `written` queued files; then the process is gone.
async fn crash_after(temp: &Path, written: usize) -> (i64, usize) {
    let (registry, id) = with_a_role_sent(temp).await;
    for submission in db::validating(&mut registry.db.read().await.unwrap()).await.unwrap() {
        registry.decide(&submission, NOW).await.unwrap();
    }
    let mut transaction = registry.db.write().await.unwrap();
    sign_online(&mut transaction, &registry.keys, NOW).await.unwrap();
    transaction.commit().await.unwrap();
    let (mut last, mut count) = (0, 0);
    while count < written {
        let Some(entry) = registry.write_next(last).await.unwrap() else { break };
        (last, count) = (entry.id, count + 1);
    }
    registry.close().await;
    (id, count)
}

#[tokio::test]
async fn a_crash_between_any_two_writes_leaves_the_old_state_and_is_finished_later() {
    let mut seen = Vec::new();
    for written in 0.. {
        let temp = tempfile::tempdir().unwrap();
        let (id, count) = crash_after(temp.path(), written).await;
        seen.push(host_sees_the_author(temp.path()));
        let registry = open(temp.path()).await;
        registry.run_batch().await.unwrap();
        assert!(host_sees_the_author(temp.path()), "not finished after {written} writes");
        let submission = db::submission(&mut registry.db.read().await.unwrap(), id).await.unwrap();
        assert_eq!(submission.unwrap().state, SubmissionState::Published);
        assert!(registry.tree.get("1.pub.acme.json").is_some());
        if count < written {
            break;
        }
    }
    // Nothing is seen until the last file, the timestamp, is written.
    assert!(seen.len() > 4, "{seen:?}");
    assert_eq!(seen.iter().position(|seen| *seen), Some(seen.len() - 2), "{seen:?}");
}

#[tokio::test]
async fn a_crash_between_the_decision_and_the_signature_is_finished_later() {
    let temp = tempfile::tempdir().unwrap();
    let (registry, _) = with_a_role_sent(temp.path()).await;
    for submission in db::validating(&mut registry.db.read().await.unwrap()).await.unwrap() {
        registry.decide(&submission, NOW).await.unwrap();
    }
    registry.close().await;
    drop(registry);
    assert!(!host_sees_the_author(temp.path()));
    let registry = open(temp.path()).await;
    registry.run_batch().await.unwrap();
    assert!(host_sees_the_author(temp.path()));
}
