//! Apps on host names of their own, as a browser sees them: every name below `localhost` is this
//! machine to it (RFC 6761 §6.3).

use newleaf_tests::browser::{Browser, JavaScript};
use newleaf_tests::skip::skipped;
use newleaf_tests::world::{Host, HostSettings, World};

use super::{blocking, picture, sign_in_to};

/// What a page of this site kept in the browser: its cookies, and what its storage holds.
const KEPT: &str = "return [document.cookie, localStorage.getItem('mine')]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn apps_on_names_of_their_own_are_strangers_to_each_other() {
    if !Browser::is_installed() {
        skipped("apps on names of their own", "chromium and chromedriver");
        return;
    }
    let (world, host) = blocking(two_apps).await;
    let port = host.public.port();
    let notes = format!("http://notes.acme.localhost:{port}/");
    let browser = Browser::open(JavaScript::On).await;
    sign_in_to(&browser, &host).await;

    let overview = format!("http://{}/", host.admin);
    browser.page.goto(&format!("{overview}apps/acme/notes")).await.unwrap();
    browser.click(&format!(r#"a[href="{notes}"]"#)).await;
    browser.click(r#"a[href="/new"]"#).await;
    let title = browser.wait_for(r#"input[name="title"]"#).await;
    title.send_keys("Written on its own name").await.unwrap();
    browser.click("form.edit button.main").await;
    browser.wait_for_text("Written on its own name").await;
    assert!(browser.page.current_url().await.unwrap().as_str().starts_with(&notes));
    picture(&browser, JavaScript::On, "own-name").await;

    let keep = "document.cookie = 'mine=1; path=/'; localStorage.setItem('mine', '1')";
    browser.page.execute(keep, Vec::new()).await.unwrap();
    let kept = browser.page.execute(KEPT, Vec::new()).await.unwrap();
    assert_eq!(kept, serde_json::json!(["mine=1", "1"]));
    browser.page.goto(&format!("http://polls.acme.localhost:{port}/")).await.unwrap();
    browser.wait_for_text("Make the poll").await;
    let kept = browser.page.execute(KEPT, Vec::new()).await.unwrap();
    assert_eq!(kept, serde_json::json!(["", null]), "an app sees what another one kept");

    // A bookmark from the time when apps were served below paths.
    let before = format!("http://{}/apps/acme/notes/", host.public);
    browser.page.goto(&before).await.unwrap();
    browser.wait_for_text("Written on its own name").await;
    assert_eq!(browser.page.current_url().await.unwrap().as_str(), notes);
    browser.close().await;
    blocking(move || drop((host, world))).await;
}

fn two_apps() -> (World, Host) {
    let (world, host) = World::with_host(HostSettings {
        apps: "origin = \"subdomain\"\ndomain = \"localhost\"",
        ..HostSettings::default()
    });
    world.registry.publish_app("plugins/notes");
    world.registry.publish_app("plugins/polls");
    host.run(&["apps", "install", "acme/polls", "--yes"]).assert_code(0);
    host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]).assert_code(0);
    (world, host)
}
