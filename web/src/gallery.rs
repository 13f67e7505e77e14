//! Every page, rendered from sample data: proves that each can be, and shows them to whoever looks.
//!
//! `NEWLEAF_GALLERY=<folder> cargo test -p newleaf-web gallery` also writes them there.

use newleaf_update::FourLines;
use newleaf_update::view::AppRow;

use crate::asset;
use crate::markup;
use crate::page::{self, AppPage, Asked, Frame, History, Page, Releases, Removal, Undo};
use crate::sample;
use crate::store::LinkStanding;

fn pages() -> Vec<(&'static str, Page)> {
    let (product, reader, names) = (sample::product(), sample::reader(), sample::names());
    let now = sample::now();
    let frame = Frame { product: &product, reader: Some(&reader), now, names: &names };
    let outside = Frame { reader: None, ..frame };
    let mut pages = doors(&outside);
    pages.extend(inner_pages(&frame));
    pages.extend(answers(&frame));
    pages
}

fn doors(frame: &Frame<'_>) -> Vec<(&'static str, Page)> {
    vec![
        ("sign-in", page::confirm(frame, "/sign-in/00", "admin")),
        ("sign-in-used", page::link_refused(frame, &LinkStanding::Used)),
        ("signed-out", page::signed_out(frame, "/history")),
    ]
}

fn inner_pages(frame: &Frame<'_>) -> Vec<(&'static str, Page)> {
    let reader = &sample::reader();
    let (history, plan) = (sample::history(), sample::plan_view());
    let mut blocked = plan.clone();
    blocked.prerequisites = sample::blocked_prerequisites();
    let rehearsed = sample::rehearsed_plan_view();
    let overview = |view| page::overview(frame, reader, view, History(&history));
    let candidates = sample::candidates();
    let listed = sample::releases_view(&candidates);
    let channel = sample::channel_view();
    let releases = Releases { name: "Notes", view: &listed, channel: Some(&channel) };
    vec![
        ("overview", overview(&sample::overview())),
        ("overview-trouble", overview(&sample::troubled_overview())),
        ("overview-choice", overview(&sample::overview_with_a_choice())),
        ("overview-quiet", overview(&sample::quiet_overview())),
        ("plan", page::plan(frame, reader, &plan, Asked::Nothing, None)),
        ("plan-without-consent", page::plan(frame, reader, &plan, Asked::WithoutConsent, None)),
        ("plan-install", page::plan(frame, reader, &sample::install_view(), Asked::Nothing, None)),
        (
            "plan-leaving",
            page::plan(frame, reader, &sample::leaving_view(), Asked::WithoutSuspension, None),
        ),
        ("plan-blocked", page::plan(frame, reader, &blocked, Asked::WhileBlocked, None)),
        ("plan-rehearsed", page::plan(frame, reader, &rehearsed, Asked::WithoutPause, None)),
        ("plan-rehearsing", page::plan(frame, reader, &plan, Asked::Nothing, Some("Notes 2.0.0"))),
        ("run", page::run(frame, &sample::running(), None)),
        ("run-interrupted", page::run(frame, &sample::interrupted(), None)),
        ("run-committed", page::run(frame, &sample::committed(), None)),
        ("run-rolled-back", page::run(frame, &sample::rolled_back(), None)),
        ("run-undone", page::run(frame, &sample::undone(), None)),
        ("run-hop", page::run(frame, &sample::committed(), Some(&sample::journey()))),
        ("history", page::history(frame, None, &history)),
        ("history-empty", page::history(frame, None, &[])),
        ("app", app_page(frame, &sample::app_row(), Removal::NotAsked)),
        ("app-off", app_page(frame, &app_off(), Removal::WithoutAnswer)),
        ("apps", page::apps(frame, reader, &sample::shelf())),
        ("apps-none", page::apps(frame, reader, &[])),
        ("releases", page::releases(frame, reader, &releases)),
        (
            "channel",
            page::channel(
                frame,
                reader,
                &channel.target,
                newleaf_domain::Channel::Nightly,
                newleaf_domain::Channel::Nightly.warning().unwrap(),
            ),
        ),
        ("preflight", page::preflight(frame, &sample::blocked_prerequisites())),
    ]
}

fn app_page(frame: &Frame<'_>, row: &AppRow, removal: Removal) -> Page {
    let history = sample::history();
    let removed_for = std::time::Duration::from_hours(7 * 24);
    let page = AppPage { row, history: &history, removal, removed_for };
    page::app(frame, &sample::reader(), &page)
}

/// Switched off, and needed by another app.
fn app_off() -> AppRow {
    AppRow {
        serving: false,
        disabled: true,
        stopped: Some("it was switched off by an admin".to_owned()),
        offer: None,
        needed_by: vec![newleaf_domain::PackageName::parse("acme/calendar").unwrap()],
        ..sample::app_row()
    }
}

fn answers(frame: &Frame<'_>) -> Vec<(&'static str, Page)> {
    let offer = sample::undo_offer("1.0.0", Some("everything written since the update to 2.0.0"));
    let target = sample::notes_target();
    let from = sample::version("2.0.0");
    let undo = Undo {
        target: &target,
        name: "Notes",
        from: Some(&from),
        offer: &offer,
        replaced: Some(sample::now()),
    };
    let lines = FourLines {
        state: "Notes 1.0.0 goes on serving".to_owned(),
        failed: "the role pub.acme is signed by key 8f3a…, pinned is 41c2…".to_owned(),
        done: "Nothing was changed".to_owned(),
        todo: "Ask the author whether the key was changed: `newleaf trust show`".to_owned(),
    };
    vec![
        ("undo", page::undo(frame, &sample::reader(), &undo, page::AskedBack::Nothing)),
        ("stale", page::stale(frame, &sample::stale_plan())),
        ("failed", page::failed(frame, "The plan could not be made", &lines)),
        (
            "not-found",
            page::failure(frame, "Not found", "There is no such page.", ("/", "To the overview")),
        ),
    ]
}

#[test]
fn the_gallery_renders_every_page_whole() {
    for (name, page) in pages() {
        let text = page.0;
        assert!(text.ends_with("</main></body></html>"), "{name} is cut off");
        assert!(!text.contains(" style=") && !text.contains("<style"), "{name} has inline style");
        assert_eq!(markup::faults(&text), Vec::<String>::new(), "{name}");
        write(name, &text);
    }
}

/// The content of four pages, word for word; the frame is left out, for its assets are named by
/// digest.
#[test]
fn the_words_of_the_pages_that_decide_are_as_reviewed() {
    for (name, page) in pages() {
        if !["sign-in-used", "plan-without-consent", "run", "run-rolled-back"].contains(&name) {
            continue;
        }
        let (_, content) = page.0.split_once("<main").unwrap();
        insta::assert_snapshot!(name, content.replace("><", ">\n<"));
    }
}

/// Writes a page where it can be opened without a server, if someone asked for it.
fn write(name: &str, text: &str) {
    let Some(folder) = std::env::var_os("NEWLEAF_GALLERY").map(std::path::PathBuf::from) else {
        return;
    };
    let mut text = text.to_owned();
    for (asset, file) in [(&asset::STYLE, "app.css"), (&asset::SCRIPT, "live.js")] {
        text = text.replace(&asset.path, &format!("{}/assets/{file}", env!("CARGO_MANIFEST_DIR")));
    }
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.html")), text).unwrap();
}

#[test]
fn an_update_that_stands_still_says_why_and_what_ends_it() {
    let pages = pages();
    let page = |wanted: &str| {
        let (_, page) = pages.iter().find(|(name, _)| *name == wanted).unwrap();
        page.0.clone()
    };
    let text = page("run-interrupted");
    for said in ["interrupted", "No space left on device", "Make room on the disk"] {
        assert!(text.contains(said), "{said}");
    }
    assert!(!text.contains(">running<") && !page("run").contains("interrupted"));
}

#[test]
fn only_where_apps_share_an_address_it_is_said_and_links_lead_to_where_each_is() {
    let (names, reader) = (sample::names(), sample::reader());
    let mut product = sample::product();
    let pages = |product: &crate::ProductFace| {
        let frame = Frame { product, reader: Some(&reader), now: sample::now(), names: &names };
        let plan = page::plan(&frame, &reader, &sample::install_view(), Asked::Nothing, None);
        let row = app_page(&frame, &sample::app_row(), Removal::NotAsked);
        (plan.0, row.0 + &page::run(&frame, &sample::committed(), None).0)
    };
    let (plan, links) = pages(&product);
    assert!(plan.contains("for one site"), "{plan}");
    assert_eq!(links.matches(r#"href="http://127.0.0.1:8080/apps/acme/notes/""#).count(), 2);
    product.apps.hosts = Some(newleaf_domain::AppHosts {
        domain: "apps.example.com".parse().unwrap(),
        own: std::collections::BTreeMap::default(),
        kept: Vec::new(),
    });
    let (plan, links) = pages(&product);
    assert!(!plan.contains("for one site"), "{plan}");
    assert_eq!(links.matches(r#"href="http://notes.acme.apps.example.com:8080/""#).count(), 2);
    assert!(!links.contains("127.0.0.1:8080"));
}
