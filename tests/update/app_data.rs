//! Apps whose update fails, takes long or goes bad: each ends with the data that it should have.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use newleaf_tests::skip::Tier;
use newleaf_tests::world::{Host, HostSettings, NotesData, World};

/// Where the app is served.
const NOTES: &str = "/apps/acme/notes/api/notes";

/// A host of notes 1.0.0 with so many notes, to which the app is offered that fails, waits and breaks
/// as its settings say; 1.0.0 reads its data.
fn world_with(settings: HostSettings, notes: u64) -> (World, Host) {
    let (world, host) = World::with_host(settings);
    host.fill_notes(notes);
    world.registry.publish_app("tests/apps/notes-2.1.0");
    (world, host)
}

fn update(host: &Host, code: i32) -> String {
    let ran = host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    println!("{said}");
    ran.assert_code(code);
    said
}

fn is_migrated(data: &NotesData) -> bool {
    data.columns.iter().any(|column| column == "words")
}

/// The copy of the data that a rehearsal works on.
fn copy_of(host: &Host) -> PathBuf {
    host.dir.join("staging/rehearsal-of-an-app/data")
}

/// Asks until it is so; neither files nor a version that takes over give a signal.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what} never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_migration_that_fails_at_row_5000_is_stopped_on_the_copy() {
    let settings = HostSettings { notes: "fail_at_row = 5000", ..HostSettings::default() };
    let (_world, host) = world_with(settings, 6_000);
    let before = host.notes_data();
    let said = update(&host, 1);
    assert!(said.contains("on a copy of its data") && said.contains("row 5000"), "{said}");
    assert_eq!(host.app_version("acme/notes"), "1.0.0");
    assert_eq!(host.notes_data(), before, "the data was touched");
    assert!(before.notes == 6_000 && !is_migrated(&before), "{before:?}");
    assert!(!copy_of(&host).exists());
    let history = host.json(&["history", "acme/notes"]);
    assert_eq!(history[0]["ending"], "failed", "{history:#}");
    assert_eq!(host.json(&["history", "core"]), serde_json::json!([]));
}

#[test]
fn a_migration_that_fails_at_row_5000_for_real_leaves_the_data_as_it_was() {
    let settings = HostSettings {
        apps: "rehearsal = \"off\"",
        notes: "fail_at_row = 5000",
        ..HostSettings::default()
    };
    let (_world, host) = world_with(settings, 6_000);
    let before = host.notes_data();
    let said = update(&host, 5);
    assert!(said.contains("row 5000"), "{said}");
    assert_eq!(host.app_version("acme/notes"), "1.0.0");
    assert_eq!(host.notes_data(), before, "half of the migration stayed");
    host.add_note("after", "");
    assert_eq!(host.notes_data().notes, 6_001);
}

#[test]
fn a_migration_that_passes_on_the_copy_and_fails_for_real_is_taken_back_with_what_came_meanwhile() {
    let settings = HostSettings {
        notes: "migrate_for = 3\nfail_on_title = \"poison\"",
        ..HostSettings::default()
    };
    let (_world, host) = world_with(settings, 100);
    let running = host.spawn(&["update", "acme/notes", "--yes", "--accept-permissions"]);
    // What is written into the copy is of one moment that lies before.
    let copy = copy_of(&host).join("app.db");
    wait_until("the copy", || std::fs::metadata(&copy).is_ok_and(|file| file.len() > 0));
    host.add_note("poison", "");
    let history = host.history_when_over();
    drop(running);
    assert_eq!(history[0]["ending"], "rolled-back", "{history:#}");
    assert!(history[0]["reason"].as_str().unwrap().contains("is called poison"), "{history:#}");
    assert_eq!(host.app_version("acme/notes"), "1.0.0");
    let data = host.notes_data();
    assert!(data.notes == 101 && !is_migrated(&data), "{data:?}");
    assert_eq!(host.count_notes("poison"), 1);
}

/// Lines of `[apps]` and of the app's settings, and the seconds that the migration takes: a true
/// minute and the product's own bound where every tier runs, else a stand-in of both.
fn long() -> (&'static str, &'static str, u32) {
    if Tier::current() == Tier::All {
        ("pause_unannounced = 20", "migrate_for = 60", 60)
    } else {
        ("pause_unannounced = 1", "migrate_for = 4", 4)
    }
}

#[test]
fn a_migration_that_takes_long_is_announced_and_visitors_are_told_when_to_come_again() {
    let (apps, notes, seconds) = long();
    let (_world, host) = world_with(HostSettings { apps, notes, ..HostSettings::default() }, 100);
    // Nobody knew: it is rehearsed, and stops before it touches anything.
    let ran = host.run(&["update", "acme/notes"]).assert_code(1);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    println!("{said}");
    assert!(said.contains("nobody said yes to that") && said.contains("--yes"), "{said}");
    assert!(!is_migrated(&host.notes_data()));
    // From now on the plan says it, and it is asked for first.
    let plan = host.json(&["plan", "acme/notes"]);
    let expected = plan["pause"]["expected_ms"].as_u64().unwrap();
    assert!(expected >= u64::from(seconds) * 1000, "{plan:#}");
    assert!(plan["pause"]["announced"].is_string(), "{plan:#}");
    host.run(&["update", "acme/notes"]).assert_code(3);
    let running = host.spawn(&["update", "acme/notes", "--yes", "--accept-permissions"]);
    let told = told_in_the_pause(&host);
    println!("visitors were told to come again after {told:?} s");
    assert!(told.iter().all(|told| (1..=2 * seconds).contains(told)), "{told:?}");
    assert!(told.first() > told.last(), "it is not counted from what is left: {told:?}");
    assert_eq!(host.history_when_over()[0]["ending"], "committed");
    drop(running);
    let data = host.notes_data();
    assert!(data.notes == 100 && is_migrated(&data), "{data:?}");
}

/// The `Retry-After` of each answer from the first 503 on to the last.
fn told_in_the_pause(host: &Host) -> Vec<u32> {
    let mut told = Vec::new();
    wait_until("a pause and its end", || {
        let answer = host.get(NOTES);
        match answer.status {
            200 => !told.is_empty(),
            503 => {
                told.push(answer.header("retry-after").parse().unwrap());
                false
            }
            other => panic!("{other}: {}", answer.body),
        }
    });
    told
}

/// A host whose notes 2.2.0 broke after somebody wrote with it; 1.0.0 does not read its data.
fn broken_after_a_write(apps: &'static str) -> (World, Host) {
    let settings = HostSettings { probation: 60.0, apps, ..HostSettings::default() };
    let (world, host) = World::with_host(settings);
    host.add_note("before", "");
    world.registry.publish_app("tests/apps/notes-2.2.0");
    let running = host.spawn(&["update", "acme/notes", "--yes", "--accept-permissions"]);
    wait_until("notes 2.2.0", || host.app_version("acme/notes") == "2.2.0");
    host.add_note("after", "");
    // Behind the hold they would wait; 3 are allowed.
    for _ in 0..4 {
        assert_eq!(host.get("/apps/acme/notes/break").status, 500);
    }
    host.history_when_over();
    drop(running);
    (world, host)
}

fn row(host: &Host) -> serde_json::Value {
    host.json(&["status"])["apps"][0].clone()
}

#[test]
fn an_app_that_breaks_after_people_wrote_with_it_stops_and_undo_goes_back_to_the_data_before() {
    let (_world, host) = broken_after_a_write("");
    for host in [&host, &host] {
        let app = row(host);
        assert_eq!(
            (&app["choice"]["keep"], &app["choice"]["back"]),
            (&"2.2.0".into(), &"1.0.0".into())
        );
        let page = host.get(NOTES);
        assert_eq!(page.status, 503);
        let lost = "going back to 1.0.0 would lose 1 change made since the switch";
        assert!(!page.body.contains("would lose"), "why is the admin's: {}", page.body);
        assert!(app["stopped"].as_str().unwrap().contains(lost), "{app:#}");
    }
    let host = host.restart();
    let why = || row(&host)["stopped"].as_str().unwrap_or_default().to_owned();
    wait_until("the app's reason", || why().contains("would lose 1 change"));
    assert!(row(&host)["choice"].is_object());
    host.run(&["rollback", "acme/notes", "--yes"]).assert_code(0);
    assert_eq!(host.app_version("acme/notes"), "1.0.0");
    assert_eq!((host.count_notes("before"), host.count_notes("after")), (1, 0));
    assert!(row(&host)["choice"].is_null());
}

#[test]
fn an_app_that_breaks_after_people_wrote_with_it_can_be_kept_with_everything() {
    let (_world, host) = broken_after_a_write("");
    host.run(&["apps", "enable", "acme/notes"]).assert_code(0);
    assert_eq!(host.app_version("acme/notes"), "2.2.0");
    assert_eq!((host.count_notes("before"), host.count_notes("after")), (1, 1));
    assert!(row(&host)["choice"].is_null());
}

#[test]
fn the_settings_may_choose_the_data_from_before() {
    let (_world, host) = broken_after_a_write("on_data_loss = \"restore\"\nprobation_traps = 2");
    let history = host.json(&["history", "acme/notes"]);
    assert_eq!(history[0]["ending"], "rolled-back", "{history:#}");
    assert!(history[0]["reason"].as_str().unwrap().contains("2 are allowed"), "{history:#}");
    assert_eq!(host.app_version("acme/notes"), "1.0.0");
    assert_eq!((host.count_notes("before"), host.count_notes("after")), (1, 0));
}
