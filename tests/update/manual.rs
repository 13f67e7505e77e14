//! The manual way: an admin puts another program at `<prefix>` and starts it. Whatever it is, the
//! host comes up on a working version with its data, and says what became of the program.

use std::path::{Path, PathBuf};
use std::process::Command;

use newleaf::db::{Db, Migration, contract};
use newleaf_tests::build;
use newleaf_tests::process::Ran;
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};
use rustix::process::Signal;
use serde_json::Value;

/// A host on 1.0.0 with a notice on its board.
fn host_with_a_notice() -> (World, Host) {
    let world = World::new();
    world.registry.publish_core(CoreRelease::Stock);
    let host = world.host("host", HostSettings::default());
    assert_eq!(host.post_json("/board", r#"{"text":"kept"}"#).status, 201);
    host.run(&["check"]).assert_code(0);
    (world, host)
}

fn program_of(core: CoreRelease) -> PathBuf {
    build::program(core.program())
}

/// The same program with other bytes: what is behind an ELF file's last section is not read.
fn rebuilt(core: CoreRelease, folder: &Path) -> PathBuf {
    let path = folder.join("rebuilt");
    Ran::ok(Command::new("cp").arg(program_of(core)).arg(&path));
    let append = format!("printf again >> '{}'", path.display());
    Ran::ok(Command::new("sh").arg("-c").arg(append));
    path
}

/// What serves, and that its data is there.
fn serves(host: &Host, version: &str) {
    assert_eq!(host.core_version(), version, "{}", host.process.log());
    let board = host.get("/board.json");
    assert_eq!(board.status, 200, "{}", board.body);
    assert!(board.body.contains("kept"), "the notice is gone: {}", board.body);
    assert_eq!(host.post_json("/board", r#"{"text":"more"}"#).status, 201);
}

/// The only update of the host, once it is over.
fn only_update(host: &Host) -> Value {
    let history = host.history_when_over();
    assert_eq!(history.as_array().unwrap().len(), 1, "{history:#}");
    history[0].clone()
}

fn updates(host: &Host) -> usize {
    host.json(&["history"]).as_array().unwrap().len()
}

/// The first notice that names the program at `<prefix>`.
fn notice(host: &Host) -> Value {
    let status = host.json(&["status"]);
    let path = host.program().display().to_string();
    let mut notices = status["notices"].as_array().unwrap().iter();
    let found = notices.find(|notice| notice["text"].as_str().unwrap().contains(&path));
    found.unwrap_or_else(|| panic!("nothing is said of {path}: {status:#}")).clone()
}

/// That the program was left unused: for this reason, with this command.
fn is_unused(host: &Host, reason: &str, command: &str) {
    let notice = notice(host);
    assert!(notice["text"].as_str().unwrap().contains(reason), "{notice:#}");
    assert!(notice["command"].as_str().unwrap().contains(command), "{notice:#}");
    let journal = std::fs::read_to_string(host.dir.join("journal.jsonl")).unwrap();
    assert!(journal.contains(reason), "the journal does not say {reason:?}:\n{journal}");
}

fn set(host: &Host, key: &str, value: &str) {
    let path = host.dir.join("newleaf.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let at = text.find(&format!("# {key} = ")).unwrap();
    let end = at + text[at..].find('\n').unwrap();
    let line = format!("{key} = \"{value}\"");
    std::fs::write(&path, [&text[..at], &line, &text[end..]].concat()).unwrap();
}

#[test]
fn a_newer_program_of_a_signed_release_is_matched_offline_tried_and_kept() {
    let (world, host) = host_with_a_notice();
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["check"]).assert_code(0);
    let candidates = host.json(&["status"])["core"]["candidates"].clone();
    let newer = candidates.as_array().unwrap().iter().find(|it| it["version"] == "1.1.0").unwrap();
    world.registry.process.signal(Signal::KILL);

    let host = host.restart_with(&program_of(CoreRelease::Newer));
    let update = only_update(&host);
    assert_eq!((&update["ending"], &update["to"]), (&"committed".into(), &"1.1.0".into()));
    assert_eq!(update["by"], format!("manual:{}", host.program().display()), "{update:#}");
    serves(&host, "1.1.0");
    assert_eq!(host.get("/board/pinned.json").status, 200);
    let good = &host.state()["core"]["good"];
    assert_eq!((&good["digest"], &good["origin"]), (&newer["digest"], &"local".into()));
    let status = host.json(&["status"]);
    let said = status["notices"].to_string();
    assert!(!said.contains("by hand"), "a signed release is said to be unknown: {said}");

    let host = host.restart();
    assert_eq!(updates(&host), 1, "what serves already is tried again");
    serves(&host, "1.1.0");
}

#[test]
fn a_newer_program_of_no_signed_release_is_tried_and_said_loudly() {
    let (_world, host) = host_with_a_notice();
    let host = host.restart_with(&program_of(CoreRelease::Newer));
    assert_eq!(only_update(&host)["ending"], "committed");
    serves(&host, "1.1.0");
    let notice = notice(&host);
    assert_eq!(notice["severity"], "warning");
    assert!(notice["text"].as_str().unwrap().contains("no signed release"), "{notice:#}");
    let good = &host.state()["core"]["good"];
    assert_eq!((&good["digest"], &good["origin"]), (&good["binary"], &"local".into()));
}

#[test]
fn a_program_of_no_signed_release_is_refused_where_the_policy_says_so() {
    let (_world, host) = host_with_a_notice();
    set(&host, "unknown_core", "refused");
    let host = host.restart_with(&program_of(CoreRelease::Newer));
    serves(&host, "1.0.0");
    is_unused(&host, "of no signed release", "install -m 755");
    assert_eq!(updates(&host), 0);
}

#[test]
fn a_newer_program_that_fails_is_taken_back_and_not_tried_at_each_start() {
    let (_world, host) = host_with_a_notice();
    let host = host.restart_with(&program_of(CoreRelease::Exits));
    let update = only_update(&host);
    assert_eq!(update["ending"], "rolled-back", "{update:#}");
    serves(&host, "1.0.0");
    let bad = host.state()["bad"].clone();
    let binary = host.state()["core"]["image"]["digest"].clone();
    assert_eq!(bad[0]["digest"], binary, "{bad:#}");

    let host = host.restart();
    assert_eq!(updates(&host), 1, "it is tried again at each start");
    serves(&host, "1.0.0");
    let first = &host.json(&["status"])["notices"][0];
    assert_eq!(first["severity"], "error");
    assert!(first["text"].as_str().unwrap().contains("1.2.0 exited"), "{first:#}");

    // Out and in again, it is not tried either: the same bytes failed here.
    let host = host.restart_with(&program_of(CoreRelease::Stock));
    assert_eq!(host.state()["core"]["image"]["note"], Value::Null);
    let host = host.restart_with(&program_of(CoreRelease::Exits));
    is_unused(&host, "failed here", "install -m 755");
    assert_eq!(updates(&host), 1);
    serves(&host, "1.0.0");
}

/// A host that updated itself to 1.1.0.
fn updated_host() -> (World, Host) {
    let (world, host) = host_with_a_notice();
    world.registry.publish_core(CoreRelease::Newer);
    host.run(&["update", "core", "--yes"]).assert_code(0);
    (world, host)
}

#[test]
fn an_older_program_is_left_unused_with_the_way_back_named() {
    let (world, host) = updated_host();
    let host = host.restart();
    assert_eq!(updates(&host), 1, "the program that was there all the time is no older one");
    let host = host.restart_with(&rebuilt(CoreRelease::Stock, world.folder()));
    serves(&host, "1.1.0");
    is_unused(&host, "1.0.0, older than 1.1.0", "newleaf rollback core");
    assert_eq!(updates(&host), 1);
    host.run(&["rollback", "core", "--yes"]).assert_code(0);
    serves(&host, "1.0.0");
}

#[test]
fn an_older_program_is_run_where_the_policy_and_the_data_allow_it() {
    let (world, host) = updated_host();
    set(&host, "older_core", "tried");
    let host = host.restart_with(&rebuilt(CoreRelease::Stock, world.folder()));
    let history = host.history_when_over();
    assert_eq!((&history[0]["ending"], &history[0]["to"]), (&"committed".into(), &"1.0.0".into()));
    serves(&host, "1.0.0");
}

#[test]
fn an_older_program_that_cannot_read_the_data_is_refused_whatever_the_policy_says() {
    let (world, host) = updated_host();
    set(&host, "older_core", "tried");
    let Host { dir, process, .. } = host;
    process.stop();
    // What a later version does once nobody can go back any more.
    let migrations = [Migration { schema: 2, contract: &["SELECT 1"], ..Migration::NONE }];
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let db = Db::open(&dir).await.unwrap();
        contract(&db, &migrations, 2).await.unwrap();
        db.close().await;
    });
    let prefix = dir.with_extension("prefix").join("newleaf");
    let older = rebuilt(CoreRelease::Stock, world.folder());
    Ran::ok(Command::new("install").args(["-m", "755"]).arg(older).arg(&prefix));
    let host = Host::serve(&dir, &prefix);
    serves(&host, "1.1.0");
    is_unused(&host, "it knows schema 1, the data needs at least 2", "install -m 755");
    assert_eq!(updates(&host), 1);
}

#[test]
fn a_program_of_another_edition_is_refused_with_the_command_that_puts_the_old_one_back() {
    let (_world, host) = host_with_a_notice();
    let host = host.restart_with(&build::program("newleaf-core-enterprise"));
    serves(&host, "1.0.0");
    is_unused(
        &host,
        "of the edition enterprise, but this host is of the edition community",
        "sudo install",
    );
    assert_eq!(updates(&host), 0);

    let command = notice(&host)["command"].as_str().unwrap().replace("sudo ", "");
    Ran::ok(Command::new("sh").arg("-c").arg(command));
    let host = host.restart();
    assert_eq!(host.state()["core"]["image"]["note"], Value::Null, "it is still said");
    serves(&host, "1.0.0");
}

#[test]
fn other_bytes_of_the_version_that_serves_are_said_and_not_tried() {
    let (world, host) = host_with_a_notice();
    let host = host.restart_with(&rebuilt(CoreRelease::Stock, world.folder()));
    serves(&host, "1.0.0");
    is_unused(&host, "has other bytes", "install -m 755");
    assert_eq!(updates(&host), 0);
}
