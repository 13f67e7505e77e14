//! The portal in a real Chromium against real processes, with scripts and without.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod consent;
mod names;

use std::path::PathBuf;
use std::process::Command;

use newleaf_tests::browser::{Browser, JavaScript};
use newleaf_tests::build::{source_root, target_folder};
use newleaf_tests::process::Ran;
use newleaf_tests::skip::skipped;
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

/// Where the pictures of the README stand.
const PICTURES: &str = "core/host/guide/pictures";
/// Set to make the README's pictures anew; without it they go to the build folder.
const WRITE_PICTURES: &str = "NEWLEAF_WRITE_PICTURES";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_updates_an_app_and_core_in_the_browser() {
    updates_in_the_browser("with scripts", JavaScript::On).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_updates_an_app_and_core_without_scripts() {
    updates_in_the_browser("without scripts", JavaScript::Off).await;
}

async fn updates_in_the_browser(name: &str, javascript: JavaScript) {
    if !Browser::is_installed() {
        skipped(name, "chromium and chromedriver");
        return;
    }
    let (world, host) = blocking(set_up).await;
    let browser = Browser::open(javascript).await;
    sign_in(&browser, &host).await;
    picture(&browser, javascript, "overview").await;

    browser.click(r#"form[action="/plans"]:has(input[value="acme/notes"]) button.primary"#).await;
    browser.wait_for_text("What the app may do").await;
    browser.wait_for_text("16 MiB").await;
    picture(&browser, javascript, "plan").await;
    browser.click(r#"input[name="consent"]"#).await;
    browser.click("form.start button.primary").await;
    browser.wait_for_text("Notes 2.0.0 is running").await;
    let host = blocking(move || notes_are_kept_and_migrated(host)).await;

    browser.page.goto(&format!("http://{}/", host.admin)).await.unwrap();
    browser.click(r#"form[action="/plans"]:has(input[value="core"]) button.primary"#).await;
    browser.wait_for_text("Prerequisites").await;
    browser.click("form.start button.primary").await;
    browser.wait_for_text("Watch, then commit").await;
    if javascript == JavaScript::On {
        // The page has followed core through its own restart: the new version is watched now.
        browser.wait_for("#step-commit.running").await;
    }
    browser.page.set_window_size(1180, 1320).await.unwrap();
    picture(&browser, javascript, "run").await;
    browser.page.set_window_size(1180, 900).await.unwrap();
    browser.wait_for_text("Newleaf 1.1.0 is running").await;

    browser.page.goto(&format!("http://{}/history", host.admin)).await.unwrap();
    browser.wait_for_text("1.0.0 → 2.0.0").await;
    browser.wait_for_text("1.0.0 → 1.1.0").await;
    picture(&browser, javascript, "history").await;
    browser.close().await;
    blocking(move || {
        assert_eq!(host.core_version(), "1.1.0");
        drop((host, world));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_two_in_the_morning_one_click_brings_the_version_before() {
    if !Browser::is_installed() {
        skipped("a core that comes up no more", "chromium and chromedriver");
        return;
    }
    let (world, host) = blocking(worn_out).await;
    let browser = Browser::open(JavaScript::On).await;
    let portal = format!("http://{}/", host.admin);
    browser.page.goto(&portal).await.unwrap();
    browser.wait_for_text("is being repaired").await;
    assert!(!browser.text().await.contains("1.1.0"), "a stranger is told which version");
    picture(&browser, JavaScript::On, "repaired").await;

    let (host, link) = blocking(move || recovery_link(host)).await;
    browser.page.goto(&link).await.unwrap();
    browser.click("form button.primary").await;
    browser.wait_for_text("Newleaf 1.1.0 does not come up").await;
    browser.wait_for_text("exited with status 1").await;
    browser.page.set_window_size(1180, 795).await.unwrap();
    picture(&browser, JavaScript::On, "recovery").await;
    browser.click(r#"form[action="/recovery/previous"] button"#).await;
    browser.wait_for_text("Please sign in").await;
    let host = blocking(move || serves_again(host)).await;
    sign_in_alone(&browser, &host).await;
    browser.page.goto(&format!("{portal}history")).await.unwrap();
    browser.wait_for_text("1.1.0 → 1.0.0").await;
    browser.wait_for_text("recovery").await;
    browser.close().await;
    blocking(move || drop((host, world))).await;
}

/// Notes are written, core is updated to 1.1.0 and serves; then it comes up no more.
fn worn_out() -> (World, Host) {
    let (world, host) = World::with_host(HostSettings::default());
    host.add_note("Buy oat milk", "todo, home");
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["update", "core", "--yes"]).assert_code(0);
    assert_eq!(host.core_version(), "1.1.0");
    std::fs::create_dir_all(host.dir.join("data/core")).unwrap();
    std::fs::write(host.dir.join("data/core/tired"), "").unwrap();
    host.kill_worker();
    (world, host)
}

fn recovery_link(host: Host) -> (Host, String) {
    assert_eq!(host.get("/").status, 503);
    let ran = host.run(&["recovery-link"]).assert_code(0);
    let link = ran.stdout.split_whitespace().next().unwrap().to_owned();
    (host, link)
}

fn serves_again(host: Host) -> Host {
    let history = host.history_when_over();
    assert_eq!(history[0]["ending"], "committed", "{history:#}");
    assert_eq!(host.core_version(), "1.0.0");
    assert_eq!(host.get("/board.json").status, 200);
    assert_eq!(host.count_notes("Buy oat milk"), 1);
    host.add_note("Sleep", "home");
    host
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_two_in_the_morning_a_lost_database_is_put_back_as_the_page_says() {
    if !Browser::is_installed() {
        skipped("a database that is gone", "chromium and chromedriver");
        return;
    }
    let (world, host) = blocking(without_database).await;
    let (host, link) = blocking(move || recovery_link(host)).await;
    let browser = Browser::open(JavaScript::Off).await;
    browser.page.goto(&link).await.unwrap();
    browser.click("form button.primary").await;
    browser.wait_for_text("does not come up").await;
    browser.click(r#"form[action="/recovery/again"] button"#).await;
    browser.wait_for_text("It is being started again now").await;
    let told = browser.wait_for(".command code").await.text().await.unwrap();
    picture(&browser, JavaScript::Off, "recovery-database").await;
    let host = blocking(move || put_back(host, &told)).await;
    sign_in_alone(&browser, &host).await;
    browser.close().await;
    blocking(move || drop((host, world))).await;
}

/// Notes are written and a snapshot is taken; then the database is overwritten.
fn without_database() -> (World, Host) {
    let (world, host) = World::with_host(HostSettings::default());
    host.add_note("Buy oat milk", "todo, home");
    host.run(&["snapshot", "create"]).assert_code(0);
    for part in ["-wal", "-shm"] {
        // Neither is there where all was written back.
        drop(std::fs::remove_file(host.dir.join(format!("newleaf.db{part}"))));
    }
    std::fs::write(host.dir.join("newleaf.db"), "no database any more".repeat(500)).unwrap();
    host.kill_worker();
    (world, host)
}

/// Stops the service, does as the page says, starts the service.
fn put_back(host: Host, told: &str) -> Host {
    let words = told.split(' ').skip(1).collect::<Vec<_>>();
    assert_eq!(words[words.len() - 2..], ["--dir", host.dir.to_str().unwrap()], "{told}");
    assert_eq!(words[..2], ["snapshot", "restore"], "{told}");
    let (dir, program) = (host.dir.clone(), host.program().to_owned());
    let mut restore = Command::new(&program);
    restore.args(&words);
    host.process.stop();
    Ran::of(&mut restore).assert_code(0);
    let host = Host::serve(&dir, &program);
    assert_eq!(host.core_version(), "1.0.0");
    assert_eq!(host.count_notes("Buy oat milk"), 1);
    host
}

/// Signs in to a portal whose overview may be empty yet.
async fn sign_in_to(browser: &Browser, host: &Host) {
    browser.page.goto(&host.sign_in_link()).await.unwrap();
    browser.click("form button.primary").await;
    browser.wait_for_text("Install an app").await;
}

async fn sign_in_alone(browser: &Browser, host: &Host) {
    browser.page.goto(&host.sign_in_link()).await.unwrap();
    browser.click("form button.primary").await;
    browser.wait_for_text("Notes").await;
}

fn set_up() -> (World, Host) {
    let (world, host) = World::with_host(HostSettings {
        probation: 3.0,
        core_probation: 3.0,
        ..HostSettings::default()
    });
    host.add_note("Buy oat milk", "todo, home");
    host.add_note("Call the printer", "work");
    world.registry.publish_app("plugins/notes");
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["check"]).assert_code(0);
    (world, host)
}

async fn sign_in(browser: &Browser, host: &Host) {
    let link = host.sign_in_link();
    browser.page.goto(&link).await.unwrap();
    browser.click("form button.primary").await;
    browser.wait_for_text("Notes").await;
    browser.page.goto(&link).await.unwrap();
    browser.wait_for_text("sign-in-link").await;
    browser.page.goto(&format!("http://{}/", host.admin)).await.unwrap();
    browser.wait_for_text("2 updates").await;
}

fn notes_are_kept_and_migrated(host: Host) -> Host {
    assert_eq!(host.app_version("acme/notes"), "2.0.0");
    assert_eq!(host.count_notes("Buy oat milk"), 1);
    let notes: serde_json::Value =
        serde_json::from_str(&host.get("/apps/acme/notes/api/notes").body).unwrap();
    let note = notes.as_array().unwrap().iter().find(|note| note["title"] == "Buy oat milk");
    assert_eq!(
        note.unwrap()["tags"],
        serde_json::json!(["home", "todo"]),
        "tags were not migrated"
    );
    host
}

/// Keeps a picture of the page; those of the README come from the run with scripts.
async fn picture(browser: &Browser, javascript: JavaScript, name: &str) {
    let folder: PathBuf = match javascript {
        JavaScript::On if std::env::var_os(WRITE_PICTURES).is_some() => {
            source_root().join(PICTURES)
        }
        JavaScript::On => target_folder().join("pictures"),
        JavaScript::Off => target_folder().join("pictures-without-scripts"),
    };
    browser.picture(&folder.join(format!("{name}.png"))).await;
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
