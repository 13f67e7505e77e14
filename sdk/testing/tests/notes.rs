//! The sample apps as their users meet them, and what an update from version to version keeps.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use newleaf_domain::{ByteSize, Grant};
use newleaf_sdk_testing::{TestApp, UpdateError, World, build};

static HELLO: LazyLock<PathBuf> = LazyLock::new(|| built("plugins/hello"));
static NOTES_1_0: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/notes-1.0.0"));
static NOTES_1_1: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/notes-1.1.0"));
static NOTES_2_0: LazyLock<PathBuf> = LazyLock::new(|| built("plugins/notes"));

fn built(folder: &str) -> PathBuf {
    build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)).unwrap()
}

/// Compiled code, shared by the tests of this file and kept for the next run.
fn cached(wasm: &Path) -> TestApp {
    TestApp::new(wasm).cache(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-apps"))
}

fn notes(wasm: &Path, quota: ByteSize) -> TestApp {
    cached(wasm).grant(Grant::Storage { quota })
}

async fn add(world: &World, title: &str, tags: &str) -> i64 {
    let note = format!(r#"{{"title":"{title}","body":"about {title}","tags":"{tags}"}}"#);
    let answer = world.post_json("/api/notes", &note).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    serde_json::from_str::<serde_json::Value>(&answer.text()).unwrap()["id"].as_i64().unwrap()
}

#[tokio::test]
async fn hello_greets_and_escapes() {
    let world = cached(&HELLO).start().await.unwrap();
    assert!(world.get("/").await.text().contains("Hello, world!"));
    let answer = world.get("/?name=%3Cscript%3E").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("Hello, &lt;script&gt;!"));
    assert_eq!(world.get("/elsewhere").await.status, 404);
    assert_eq!(world.send("DELETE", "/", &[], "".into()).await.status, 405);
}

#[tokio::test]
async fn a_note_is_written_read_changed_and_deleted_by_plain_forms() {
    for wasm in [&*NOTES_1_0, &*NOTES_1_1, &*NOTES_2_0] {
        let world = notes(wasm, ByteSize::mib(4)).start().await.unwrap();
        assert!(world.get("/").await.text().contains("No notes yet"));
        let made =
            world.post_form("/new", "title=Milk+%3Cb%3E&body=two+litres&tags=Shop,+home").await;
        assert_eq!((made.status, made.header("location")), (303, "/apps/acme/app/notes/1"));
        let page = world.get("/notes/1").await.text();
        assert!(page.contains("Milk &lt;b&gt;") && page.contains("two litres"), "{page}");
        assert!(page.contains("<span>shop</span>") && page.contains("<span>home</span>"), "{page}");
        let changed = world.post_form("/notes/1/edit", "title=Bread&body=&tags=").await;
        assert_eq!(changed.status, 303);
        assert!(world.get("/").await.text().contains("Bread"));
        assert_eq!(world.post_form("/notes/1/delete", "").await.status, 303);
        assert_eq!(world.get("/notes/1").await.status, 404);
        assert_eq!(world.post_form("/new", "title=&body=x").await.status, 422);
        assert_eq!(world.get("/style.css").await.status, 200);
    }
}

#[tokio::test]
async fn on_a_host_name_of_its_own_notes_links_to_no_path_and_updates_alike() {
    let world = notes(&NOTES_1_0, ByteSize::mib(4)).own_host().start().await.unwrap();
    assert_eq!(world.base(), "");
    for (number, wasm) in [(1, None), (2, Some(&*NOTES_2_0))] {
        if let Some(wasm) = wasm {
            world.update(&notes(wasm, ByteSize::mib(16)), 1, 2).await.unwrap();
        }
        let made = world.post_form("/new", "title=Milk&body=&tags=shop").await;
        assert_eq!((made.status, made.header("location")), (303, &*format!("/notes/{number}")));
        let page = world.get("/").await.text();
        assert!(page.contains("href=\"/notes/1\"") && !page.contains("/apps/"), "{page}");
    }
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let world = notes(&NOTES_2_0, ByteSize::mib(4)).start().await.unwrap();
    add(&world, "Mine", "").await;
    for forged in [
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("origin", "http://evil.example")],
        [("origin", "http://localhost:8080")],
        [("origin", "null")],
    ] {
        for path in ["/new", "/notes/1/edit", "/notes/1/delete", "/api/notes"] {
            let answer = world.send("POST", path, &forged, "title=x".into()).await;
            assert_eq!(answer.status, 403, "{forged:?} {path}");
        }
    }
    let all: serde_json::Value =
        serde_json::from_str(&world.get("/api/notes").await.text()).unwrap();
    assert_eq!((all.as_array().unwrap().len(), &all[0]["title"]), (1, &"Mine".into()));
    let own = [("origin", "http://localhost")];
    assert_eq!(world.send("POST", "/notes/1/delete", &own, "".into()).await.status, 303);
    assert_eq!(world.get("/api/notes").await.text(), "[]");
}

#[tokio::test]
async fn search_came_with_1_1() {
    let world = notes(&NOTES_1_1, ByteSize::mib(4)).start().await.unwrap();
    add(&world, "Milk", "shop").await;
    add(&world, "100%", "").await;
    let found = world.get("/?q=shop").await.text();
    assert!(found.contains("Milk") && !found.contains("100%"), "{found}");
    let found = world.get("/?q=0%25").await.text();
    assert!(found.contains("100%") && !found.contains("Milk"), "{found}");
}

#[tokio::test]
async fn an_update_to_2_0_keeps_notes_and_moves_their_tags() {
    let world = notes(&NOTES_1_0, ByteSize::mib(4)).start().await.unwrap();
    for number in 0..600 {
        add(&world, &format!("Note {number}"), "even, odd").await;
    }
    add(&world, "Untagged", "").await;
    world.update(&notes(&NOTES_1_1, ByteSize::mib(4)), 1, 1).await.unwrap();
    world.update(&notes(&NOTES_2_0, ByteSize::mib(16)), 1, 2).await.unwrap();
    let note = world.get("/api/notes/600").await.text();
    let note: serde_json::Value = serde_json::from_str(&note).unwrap();
    assert_eq!(note["title"], "Note 599");
    assert_eq!(note["tags"], serde_json::json!(["even", "odd"]));
    let page = world.get("/?tag=odd").await.text();
    assert!(page.contains("<small>600</small>") && !page.contains("Untagged"), "{page}");
    add(&world, "After", "new").await;
}

#[tokio::test]
async fn a_failed_migration_leaves_the_old_version_with_its_data() {
    let world = notes(&NOTES_1_0, ByteSize::mib(4)).start().await.unwrap();
    add(&world, "Kept", "a").await;
    let refused = world.update(&notes(&NOTES_2_0, ByteSize::mib(16)), 7, 9).await;
    assert!(matches!(refused, Err(UpdateError::Lifecycle(_))), "{refused:?}");
    assert!(world.get("/api/notes").await.text().contains("Kept"));
    add(&world, "Still writing", "").await;
}

#[tokio::test]
async fn the_quota_ends_writing_and_a_larger_one_lets_it_go_on() {
    let world = notes(&NOTES_1_0, ByteSize::kib(512)).start().await.unwrap();
    let note = format!(r#"{{"title":"large","body":"{}","tags":""}}"#, "x".repeat(100_000));
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(world.post_json("/api/notes", &note).await.status);
    }
    assert!(statuses.starts_with(&[201, 201, 201]) && statuses.ends_with(&[507]), "{statuses:?}");
    assert_eq!(world.get("/").await.status, 200);
    world.update(&notes(&NOTES_2_0, ByteSize::mib(16)), 1, 2).await.unwrap();
    assert_eq!(world.post_json("/api/notes", &note).await.status, 201);
}
