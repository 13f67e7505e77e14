//! The feed reader as its users meet it, and what its update keeps.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use newleaf_domain::{ByteSize, Grant};
use newleaf_sdk_testing::{TestApp, World, build};

static FEEDS_1_0: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/feeds-1.0.0"));
static FEEDS_1_1: LazyLock<PathBuf> = LazyLock::new(|| built("plugins/feeds"));

fn built(folder: &str) -> PathBuf {
    build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)).unwrap()
}

fn feeds(wasm: &Path) -> TestApp {
    TestApp::new(wasm)
        .cache(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-apps"))
        .grant(Grant::Storage { quota: ByteSize::mib(32) })
}

/// Sends a list of feeds as a browser's form does.
async fn import(world: &World, list: &str) -> u16 {
    let body = format!(
        "--x\r\nContent-Disposition: form-data; name=\"list\"; filename=\"a.opml\"\r\n\
         Content-Type: text/xml\r\n\r\n{list}\r\n--x--\r\n"
    );
    let kind = [("content-type", "multipart/form-data; boundary=x")];
    world.send("POST", "/opml", &kind, body.into()).await.status
}

#[tokio::test]
async fn a_host_that_is_not_granted_is_told_with_what_to_do() {
    let world = feeds(&FEEDS_1_1).start().await.unwrap();
    assert!(world.get("/").await.text().contains("No feeds yet"));
    let added = world.post_form("/feeds", "address=https://elsewhere.example.com/feed").await;
    assert_eq!((added.status, added.header("location")), (303, "/apps/acme/app/feeds#feed-1"));
    let page = world.get("/feeds").await.text();
    assert!(page.contains("elsewhere.example.com is not among the hosts"), "{page}");
    assert!(page.contains("Hosts are granted by name"), "{page}");
    assert!(page.contains("Failed once; tried again in 30 min"), "{page}");
    world.post_form("/feeds/1/fetch", "").await;
    let page = world.get("/feeds").await.text();
    assert!(page.contains("Failed 2 times in a row; tried again in 60 min"), "{page}");
    let known = world.post_form("/feeds", "address=elsewhere.example.com/feed%23top").await;
    assert!(known.header("location").contains("said=known"), "{}", known.header("location"));
    assert_eq!(world.post_form("/feeds/1/delete", "").await.status, 303);
    assert!(world.get("/").await.text().contains("No feeds yet"));
}

#[tokio::test]
async fn what_is_no_address_is_refused_with_its_reason_and_kept_in_the_form() {
    let world = feeds(&FEEDS_1_1).start().await.unwrap();
    for typed in ["", "ftp://example.com", "javascript:alert(1)//", "https://a:b@example.com"] {
        assert_eq!(
            world.post_form("/feeds", &format!("address={typed}")).await.status,
            422,
            "{typed}"
        );
    }
    let page = world.post_form("/feeds", "address=ftp://%22%3E%3Cscript%3E").await.text();
    assert!(page.contains("value=\"ftp://&quot;&gt;&lt;script&gt;\""), "{page}");
}

#[tokio::test]
async fn lists_of_feeds_come_and_go_and_no_name_in_them_gets_out_of_the_page() {
    let world = feeds(&FEEDS_1_1).start().await.unwrap();
    let list = r#"<opml version="2.0"><body><outline text="&lt;script&gt;x&lt;/script&gt;" xmlUrl="https://feeds.example.com/1"/>
        <outline text="bad" xmlUrl="javascript:alert(1)"/><outline text="again" xmlUrl="https://feeds.example.com/1"/></body></opml>"#;
    assert_eq!(import(&world, list).await, 303);
    let page = world.get("/feeds?said=imported&new=1&of=3").await.text();
    assert!(page.contains("has 3 feeds; 1 of them are new"), "{page}");
    assert!(page.contains("&lt;script&gt;x") && !page.contains("<script"), "{page}");
    let taken = world.get("/feeds.opml").await;
    assert!(taken.header("content-disposition").starts_with("attachment"));
    assert!(taken.text().contains("xmlUrl=\"https://feeds.example.com/1\""), "{}", taken.text());
    assert_eq!(import(&world, "<rss/>").await, 422);
    assert_eq!(import(&world, "").await, 422);
    assert_eq!(world.post_form("/opml", "list=x").await.status, 422);
}

#[tokio::test]
async fn a_list_of_more_feeds_than_are_kept_is_taken_up_to_the_most() {
    let world = feeds(&FEEDS_1_1).start().await.unwrap();
    let many: String =
        (0..300).map(|n| format!("<outline xmlUrl='https://feeds.example.com/{n}'/>")).collect();
    assert_eq!(import(&world, &format!("<opml><body>{many}</body></opml>")).await, 303);
    assert_eq!(world.post_form("/feeds", "address=feeds.example.com/one-more").await.status, 422);
}

#[tokio::test]
async fn a_form_from_another_site_changes_nothing() {
    let world = feeds(&FEEDS_1_1).start().await.unwrap();
    for forged in [
        [("sec-fetch-site", "cross-site"), ("accept", "*/*")],
        [("sec-fetch-site", "same-site"), ("accept", "*/*")],
        [("origin", "https://elsewhere.example.com"), ("accept", "*/*")],
        [("origin", "null"), ("accept", "*/*")],
    ] {
        let body = "address=https://feeds.example.com/".into();
        assert_eq!(world.send("POST", "/feeds", &forged, body).await.status, 403, "{forged:?}");
    }
    assert!(world.get("/").await.text().contains("No feeds yet"));
    let own = [("origin", "http://localhost")];
    let body = "address=https://feeds.example.com/".into();
    assert_eq!(world.send("POST", "/feeds", &own, body).await.status, 303);
}

#[tokio::test]
async fn hostile_addresses_of_pages_are_harmless() {
    let world = feeds(&FEEDS_1_1).start().await.unwrap();
    for path in [
        "/?q=%27%20OR%201=1--",
        "/?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E",
        "/?feed=1%20OR%201",
        "/?after=9223372036854775807.-1",
        "/?show=%3Cscript%3E",
        "/?feed=99999999999999999999",
        "/?q=%25%5F%5C%00%F0",
        "/feeds?said=imported&new=%3Cscript%3E&of=-1",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(!answer.text().contains("<script"), "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    }
    let long = format!("/?q={}", "word+".repeat(1000));
    assert_eq!(world.get(&long).await.status, 200);
    for path in ["/entries/1", "/entries/x", "/entries/-1", "/nowhere", "/feeds/1"] {
        assert_eq!(world.get(path).await.status, 404, "{path}");
    }
    assert_eq!(world.post_form("/feeds/1/fetch", "").await.status, 404);
}

#[tokio::test]
async fn an_update_from_1_0_keeps_the_feeds() {
    let world = feeds(&FEEDS_1_0).start().await.unwrap();
    for number in 0..3 {
        let form = format!("address=https://feeds.example.com/{number}");
        assert_eq!(world.post_form("/feeds", &form).await.status, 303);
    }
    assert!(world.get("/").await.text().contains("feeds.example.com/2"));
    world.update(&feeds(&FEEDS_1_1), 1, 2).await.unwrap();
    let page = world.get("/feeds").await.text();
    assert!(
        page.contains("https://feeds.example.com/0")
            && page.contains("https://feeds.example.com/2")
    );
    assert_eq!(world.get("/?q=anything").await.status, 200);
}
