//! Snapshots of the data: taken, listed, and put back with the host stopped.

use std::path::Path;

use newleaf_launcher::Layout;
use newleaf_launcher::lock::{HostLock, hold_workers};
use serde_json::Value;

use crate::place::Place;

/// Runs `statement` on the host's database.
fn sql(dir: &Path, statement: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = newleaf::Db::open(dir).await.unwrap();
        sqlx::query(statement).execute(db.writer()).await.unwrap();
        db.close().await;
    });
}

fn rows(dir: &Path, query: &'static str) -> i64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = newleaf::Db::open(dir).await.unwrap();
        let rows = sqlx::query_scalar(query).fetch_one(db.reader()).await.unwrap();
        db.close().await;
        rows
    })
}

/// A host with a setting and a session, of which a snapshot was taken; and the snapshot's name.
fn scene() -> (Place, String) {
    let place = Place::with_host();
    sql(&place.dir(), "INSERT INTO newleaf_setting VALUES ('colour', 'green')");
    sql(&place.dir(), "INSERT INTO newleaf_session VALUES (x'01', 'ada', 0, 9)");
    let said = place.run(&["snapshot", "create", "--json"]);
    assert_eq!(said.code, 0, "{said:?}");
    let taken: Value = serde_json::from_str(&said.out).unwrap();
    (place, taken["name"].as_str().unwrap().to_owned())
}

#[test]
fn a_snapshot_is_put_back_after_a_yes_and_signs_everyone_out() {
    let (place, name) = scene();
    let said = place.run(&["snapshot", "list"]);
    assert!(said.out.starts_with("NAME ") && said.out.contains(&name), "{said:?}");
    sql(&place.dir(), "DELETE FROM newleaf_setting");

    let said = place.run(&["snapshot", "restore", &name]);
    assert_eq!((said.code, said.err.lines().count()), (3, 4), "nobody said yes: {said:?}");
    assert!(said.err.ends_with(&format!("newleaf snapshot restore {name} --yes\n")), "{said:?}");
    assert_eq!(rows(&place.dir(), "SELECT count(*) FROM newleaf_setting"), 0);

    let kept = ["state", "trust/root.json"].map(|file| place.dir().join(file));
    let before = kept.each_ref().map(|file| std::fs::read(file).unwrap());
    let said = place.run(&["snapshot", "restore", &name, "--yes"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("everyone has to sign in again"), "{said:?}");
    assert_eq!(rows(&place.dir(), "SELECT count(*) FROM newleaf_setting"), 1);
    assert_eq!(rows(&place.dir(), "SELECT count(*) FROM newleaf_session"), 0);
    assert_eq!(kept.each_ref().map(|file| std::fs::read(file).unwrap()), before);
    let journal = std::fs::read_to_string(place.dir().join("journal.jsonl")).unwrap();
    assert!(journal.contains(&format!("put back from snapshot {name}")), "{journal}");
}

#[test]
fn nothing_is_put_back_under_a_host_that_runs_or_a_worker_that_is_left() {
    let (place, name) = scene();
    let layout = Layout::new(place.dir());
    let refused = || {
        let said = place.run(&["snapshot", "restore", &name, "--yes"]);
        assert_eq!((said.code, said.err.lines().count()), (6, 4), "{said:?}");
        assert!(said.err.contains("what to do: stop the host"), "{said:?}");
    };
    let host = HostLock::acquire(&layout).unwrap();
    refused();
    assert_eq!(place.run(&["snapshot", "list"]).code, 0);
    assert_eq!(place.run(&["snapshot", "create"]).code, 0);
    drop(host);
    let worker = hold_workers(&layout).unwrap();
    refused();
    drop(worker);
    assert_eq!(place.run(&["snapshot", "restore", &name, "--yes"]).code, 0);
}

#[test]
fn a_snapshot_that_is_not_there_is_named() {
    let place = Place::with_host();
    let said = place.run(&["snapshot", "list"]);
    assert!(said.out.contains("newleaf snapshot create"), "{said:?}");
    for name in ["core-20261121T023000Z-1.0.0", "../../etc"] {
        let said = place.run(&["snapshot", "restore", name, "--yes"]);
        assert_eq!((said.code, said.err.lines().count()), (1, 4), "{said:?}");
        assert!(said.err.contains(name) && said.err.contains("newleaf snapshot list"), "{said:?}");
    }
}

#[test]
fn a_snapshot_is_taken_before_the_data_is_extended() {
    let place = Place::with_host();
    let dir = place.dir();
    let said = place.run(&["worker", "--expand", "--dir", dir.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    let listed = place.run(&["snapshot", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["version"]), (1, &"1.0.0".into()));
}
