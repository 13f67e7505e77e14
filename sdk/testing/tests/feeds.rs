//! The feed reader as its users meet it, and what its update keeps.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
    time::{Duration, UNIX_EPOCH},
};

use newleaf_domain::{ByteSize, Grant, JobName};
use newleaf_sdk_testing::{FakeNetwork, SetClock, TestApp, World, build};

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
    let outline = |n| format!("<outline xmlUrl='https://feeds.example.com/{n}'/>");
    let many = (0..300).map(outline).collect::<Vec<_>>().concat();
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

/// The feed reader with a network on which `feeds.example.com` may be reached.
async fn online(wasm: &Path, quota: ByteSize) -> (World, FakeNetwork) {
    let network = FakeNetwork::default();
    let world = granted(wasm, quota).network(&network).start().await.unwrap();
    (world, network)
}

fn granted(wasm: &Path, quota: ByteSize) -> TestApp {
    TestApp::new(wasm)
        .cache(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-apps"))
        .grant(Grant::Storage { quota })
        .grant(Grant::Http { host: "feeds.example.com".to_owned() })
}

/// Adds the feed at `path`, and gives the page of all feeds after its first look.
async fn follow(world: &World, path: &str) -> String {
    let form = format!("address=https://feeds.example.com{path}");
    assert_eq!(world.post_form("/feeds", &form).await.status, 303);
    world.get("/feeds").await.text()
}

/// An RSS document of these `(guid, title, html)`.
fn rss(items: &[(&str, &str, &str)]) -> String {
    let items = items
        .iter()
        .map(|(guid, title, html)| {
            format!(
                "<item><guid isPermaLink='false'>{guid}</guid><title>{title}</title>\
                 <link>https://feeds.example.com/{guid}</link>\
                 <description><![CDATA[{html}]]></description></item>"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    format!("<rss version='2.0'><channel><title>The feed</title>{items}</channel></rss>")
}

const FEED: &str = "https://feeds.example.com/feed";

#[tokio::test]
async fn a_feed_is_fetched_listed_read_starred_and_found() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(32)).await;
    let items = [("1", "Café", "<p>about <b>milk</b></p>"), ("2", "Bread", "about flour")];
    network.answer(FEED, 200, &rss(&items));
    let page = follow(&world, "/feed").await;
    assert!(page.contains("The feed") && page.contains("2 entries, 2 unread"), "{page}");
    let list = world.get("/").await.text();
    assert!(list.contains("Café") && list.contains("about milk"), "{list}");
    let found = world.get("/?q=cafe+MIL").await.text();
    assert!(found.contains("Café") && !found.contains("Bread"), "{found}");
    let id = found.split("/entries/").nth(1).unwrap().split('?').next().unwrap();
    let entry = format!("{}/entries/{id}", World::BASE);
    let probed = world.slot().app().probe(&entry, Duration::from_secs(10)).await;
    assert_eq!(probed.unwrap(), 200);
    let unread = world.get("/").await.text();
    assert!(unread.contains("Café"), "the host's own look marks an entry as read: {unread}");
    let entry = world.get(&format!("/entries/{id}")).await.text();
    assert!(entry.contains("<p>about <b>milk</b></p>"), "{entry}");
    let unread = world.get("/").await.text();
    assert!(!unread.contains("Café") && unread.contains("Bread"), "{unread}");
    world.post_form(&format!("/entries/{id}/star"), "back=").await;
    world.post_form(&format!("/entries/{id}/unread"), "back=").await;
    assert!(world.get("/").await.text().contains("Café"));
    assert!(world.get("/?show=starred").await.text().contains("Café"));
    let newest = list.split("name=\"newest\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    world.post_form("/read", &format!("back=&newest={newest}")).await;
    assert!(world.get("/").await.text().contains("All read."));
    world.post_form(&format!("/entries/{id}/unstar"), "back=").await;
    assert!(world.get("/?show=starred").await.text().contains("Nothing is starred."));
}

#[tokio::test]
async fn an_entry_is_kept_once_and_a_new_wording_takes_its_place() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(32)).await;
    network.answer(FEED, 200, &rss(&[("1", "First", "old words"), ("1", "First", "old words")]));
    follow(&world, "/feed").await;
    world.get("/entries/1").await;
    network.answer(FEED, 200, &rss(&[("2", "Second", "x"), ("1", "First", "new words")]));
    world.post_form("/feeds/1/fetch", "").await;
    let page = world.get("/feeds").await.text();
    assert!(page.contains("2 entries, 1 unread"), "{page}");
    assert!(world.get("/entries/1").await.text().contains("new words"));
    assert!(world.get("/?q=old").await.text().contains("No entry has all these words."));
    assert!(world.get("/?q=new").await.text().contains("First"));
}

#[tokio::test]
async fn the_schedule_fetches_what_is_due_and_nothing_else() {
    // 2026-11-21 10:00:00 UTC.
    let clock = SetClock::at(UNIX_EPOCH + Duration::from_hours(498_682));
    let network = FakeNetwork::default();
    let app = granted(&FEEDS_1_1, ByteSize::mib(32)).network(&network).clock(&clock);
    let world = app.start().await.unwrap();
    let fetch = JobName::parse("fetch").unwrap();
    network.answer(FEED, 200, &rss(&[("1", "First", "x")]));
    follow(&world, "/feed").await;
    network.answer(FEED, 200, &rss(&[("2", "Second", "y"), ("1", "First", "x")]));
    clock.advance(Duration::from_secs(899));
    world.run_job(&fetch).await.unwrap();
    assert_eq!(network.asked().len(), 1);
    clock.advance(Duration::from_secs(1));
    world.run_job(&fetch).await.unwrap();
    world.run_job(&fetch).await.unwrap();
    assert_eq!(network.asked().len(), 2);
    assert!(world.get("/").await.text().contains("Second"));
    let other = world.run_job(&JobName::parse("other").unwrap()).await.unwrap_err();
    assert!(other.to_string().contains("feeds have no job other"), "{other}");
}

#[tokio::test]
async fn a_server_is_asked_whether_anything_changed() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(32)).await;
    let answer = |status: u16, body: String| {
        http::Response::builder()
            .status(status)
            .header("etag", "\"v1\"")
            .header("last-modified", "Sat, 21 Nov 2026 10:00:00 GMT")
            .body(body.into())
            .unwrap()
    };
    network.answer_with(FEED, answer(200, rss(&[("1", "First", "x")])));
    follow(&world, "/feed").await;
    network.answer_with(FEED, answer(304, String::new()));
    world.post_form("/feeds/1/fetch", "").await;
    let asked = network.asked();
    assert!(asked[0].headers.get("if-none-match").is_none());
    assert_eq!(asked[1].headers["if-none-match"], "\"v1\"");
    assert_eq!(asked[1].headers["if-modified-since"], "Sat, 21 Nov 2026 10:00:00 GMT");
    let page = world.get("/feeds").await.text();
    assert!(page.contains("1 entry, 1 unread") && !page.contains("class=\"problem\""), "{page}");
}

#[tokio::test]
async fn a_failing_feed_says_why_is_asked_less_often_and_comes_back() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(32)).await;
    let page = follow(&world, "/feed").await;
    assert!(page.contains("feeds.example.com answered 404"), "{page}");
    network.answer(FEED, 200, "<html><p>no feed");
    world.post_form("/feeds/1/fetch", "").await;
    let page = world.get("/feeds").await.text();
    assert!(page.contains("it is a web page, not a feed") && page.contains("in 60 min"), "{page}");
    let later = http::Response::builder().status(503).header("retry-after", "36000");
    network.answer_with(FEED, later.body("".into()).unwrap());
    world.post_form("/feeds/1/fetch", "").await;
    let page = world.get("/feeds").await.text();
    assert!(page.contains("answered 503") && page.contains("tried again in 10 h"), "{page}");
    network.answer(FEED, 200, &rss(&[("1", "First", "x")]));
    world.post_form("/fetch", "").await;
    let page = world.get("/feeds").await.text();
    assert!(page.contains("1 entry") && !page.contains("class=\"problem\""), "{page}");
}

#[tokio::test]
async fn a_redirect_is_followed_to_granted_hosts_only() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(32)).await;
    let to = |place: &str| {
        let answer = http::Response::builder().status(301).header("location", place);
        answer.body("".into()).unwrap()
    };
    network.answer_with("https://feeds.example.com/old", to("/new"));
    network.answer("https://feeds.example.com/new", 200, &rss(&[("1", "Moved", "x")]));
    assert!(follow(&world, "/old").await.contains("1 entry"));
    network.answer_with("https://feeds.example.com/away", to("https://elsewhere.example.com/"));
    let page = follow(&world, "/away").await;
    assert!(page.contains("elsewhere.example.com is not among the hosts"), "{page}");
    network.answer_with("https://feeds.example.com/round", to("/round"));
    assert!(follow(&world, "/round").await.contains("without end"));
    network.answer_with("https://feeds.example.com/odd", to("javascript:alert(1)"));
    assert!(follow(&world, "/odd").await.contains("without end"));
}

#[tokio::test]
async fn nothing_in_a_feed_runs_or_is_loaded() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(32)).await;
    let hostile = "<script>alert(1)</script><img src=https://elsewhere.example.com/pixel onerror=alert(1)>\
                   <a href='javascript:alert(1)'>x</a><svg onload=alert(1)><style>*{}</style></article>";
    let title = "&lt;script&gt;alert(1)&lt;/script&gt;&lt;b onclick=alert(1)&gt;Bold";
    network.answer(FEED, 200, &rss(&[("1", title, hostile)]));
    follow(&world, "/feed").await;
    for path in ["/", "/entries/1", "/feeds", "/?q=bold"] {
        let page = world.get(path).await.text();
        for bad in [
            "<script",
            "onclick",
            "onerror",
            "onload",
            "javascript:",
            "<svg",
            "<img",
            "pixel",
            "<style",
        ] {
            assert!(!page.contains(bad), "{bad} in {path}: {page}");
        }
        assert_eq!(page.matches("</article>").count(), usize::from(path.starts_with("/entries")));
    }
}

#[tokio::test]
async fn bombs_are_told_and_harm_no_other_feed() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(32)).await;
    network.answer("https://feeds.example.com/good", 200, &rss(&[("1", "Good", "x")]));
    let laughs = "<!DOCTYPE rss [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>\
        <!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]><rss><channel><title>&c;</title></channel></rss>";
    network.answer("https://feeds.example.com/laughs", 200, laughs);
    network.answer("https://feeds.example.com/deep", 200, &"<a>".repeat(500_000));
    network.answer("https://feeds.example.com/huge", 200, &" ".repeat(5 << 20));
    let nested = "<div><b><i><table><tr><td>".repeat(600);
    network.answer("https://feeds.example.com/nested", 200, &rss(&[("1", "Nested", &nested)]));
    let many: Vec<String> = (0..200).map(|n| n.to_string()).collect();
    let long = "<p>word and other words</p>".repeat(2000);
    let many: Vec<_> = many.iter().map(|n| (n.as_str(), "Long", long.as_str())).take(20).collect();
    network.answer("https://feeds.example.com/long", 200, &rss(&many));
    for (path, said) in [
        ("/laughs", "0 entries"),
        ("/deep", "nested more than 100 deep"),
        ("/huge", "sent more than"),
        ("/nested", "1 entry"),
        ("/long", "20 entries"),
        ("/good", "1 entry"),
    ] {
        let page = follow(&world, path).await;
        assert!(page.contains(said), "{path}: {page}");
    }
    assert!(world.get("/?q=good").await.text().contains("Good"));
    assert_eq!(world.stats().traps, 0);
}

#[tokio::test]
async fn the_list_has_pages_and_old_entries_go() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(32)).await;
    let document = |from: usize| {
        let items: Vec<_> =
            (from..from + 150).rev().map(|n| (n.to_string(), format!("Entry-{n}-"))).collect();
        let items: Vec<_> =
            items.iter().map(|(n, title)| (n.as_str(), title.as_str(), "x")).collect();
        rss(&items)
    };
    network.answer(FEED, 200, &document(0));
    follow(&world, "/feed").await;
    world.post_form("/entries/1/star", "back=").await;
    let mut path = "/?show=all".to_owned();
    let mut seen = 0;
    loop {
        let page = world.get(&path).await.text();
        seen += page.matches("Entry-").count();
        let Some(next) = page.split("rel=\"next\" href=\"").nth(1) else { break };
        let next = next.split('"').next().unwrap().replace("&amp;", "&");
        path = next.strip_prefix(World::BASE).unwrap().to_owned();
    }
    assert_eq!(seen, 150);
    network.answer(FEED, 200, &document(150));
    world.post_form("/feeds/1/fetch", "").await;
    let page = world.get("/feeds").await.text();
    assert!(page.contains("201 entries"), "200 are kept, and the star: {page}");
    assert!(world.get("/?show=starred").await.text().contains("Entry-0-"));
}

#[tokio::test]
async fn where_room_ends_the_oldest_texts_go_first() {
    let (world, network) = online(&FEEDS_1_1, ByteSize::mib(1)).await;
    let text = |n: usize| format!("<p>{}</p>", format!("word{n} filler ").repeat(600));
    for n in 0..40 {
        let address = format!("https://feeds.example.com/{n}");
        let html = text(n);
        network.answer(
            &address,
            200,
            &rss(&[
                ("1", &format!("Title-{n}-"), &html),
                ("2", "b", &html),
                ("3", "c", &html),
                ("4", "d", &html),
            ]),
        );
        let form = format!("address={address}");
        assert_eq!(world.post_form("/feeds", &form).await.status, 303);
    }
    let page = world.get("/feeds").await.text();
    assert!(!page.contains("class=\"problem\""), "{page}");
    assert!(world.get("/?q=word39").await.text().contains("Title-39-"));
    assert!(world.get("/?show=all&feed=1").await.text().contains("Title-0-"), "headings stay");
    assert!(world.get("/?q=word0").await.text().contains("No entry has all these words."));
}

#[tokio::test]
async fn an_update_from_1_0_makes_old_entries_findable_and_keeps_what_was_read() {
    let (world, network) = online(&FEEDS_1_0, ByteSize::mib(32)).await;
    network.answer(FEED, 200, &rss(&[("1", "First", "milk"), ("2", "Second", "flour")]));
    let form = format!("address={FEED}");
    assert_eq!(world.post_form("/feeds", &form).await.status, 303);
    assert!(world.get("/").await.text().contains("First"));
    world.get("/entries/1").await;
    let new = granted(&FEEDS_1_1, ByteSize::mib(32)).network(&network);
    world.update(&new, 1, 2).await.unwrap();
    assert!(world.get("/?q=milk").await.text().contains("First"));
    let page = world.get("/feeds").await.text();
    assert!(page.contains("2 entries, 1 unread"), "{page}");
    assert_eq!(world.post_form("/feeds/1/fetch", "").await.status, 303);
    assert!(world.get("/feeds").await.text().contains("2 entries, 1 unread"));
}
