//! Files that are empty, torn, from the future or from a backup: the host serves and says so, or
//! ends and names what is wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use newleaf_launcher::{Layout, state_file};
use serde_json::Value;

use crate::place::Place;
use crate::serving::Host;

fn settings(place: &Place) -> PathBuf {
    place.dir().join("newleaf.toml")
}

/// The notices of `status`, as text.
fn notices(host: &Host) -> String {
    let said = host.place.run(&["status", "--json"]);
    let status: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    status["notices"].to_string()
}

fn serves(host: &Host) {
    assert!(host.get("/").contains("No apps are installed yet"));
}

/// Ends the host and gives its folder.
fn place_of(mut host: Host) -> Place {
    let place = std::mem::replace(&mut host.place, Place::new());
    assert_eq!(host.stop(), Some(0));
    place
}

fn kill_worker(host: &Host) {
    let worker = rustix::process::Pid::from_raw(host.worker().parse().unwrap()).unwrap();
    rustix::process::kill_process(worker, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_wrong_line_of_the_settings_is_named_by_status_and_keeps_no_worker_down() {
    let host = Host::start();
    serves(&host);
    assert!(!notices(&host).contains("newleaf.toml"), "{}", notices(&host));
    let text = std::fs::read_to_string(settings(&host.place)).unwrap();
    let wrong = format!("{text}\n[portal]\ncolour = 1\n");
    std::fs::write(settings(&host.place), wrong).unwrap();
    let named = format!("newleaf.toml line {}: ", text.lines().count() + 2);
    assert!(notices(&host).contains(&named), "{}", notices(&host));
    kill_worker(&host);
    serves(&host);
    assert!(notices(&host).contains("served last are in use"), "{}", notices(&host));
}

#[test]
fn at_a_cold_start_with_empty_torn_or_future_settings_the_last_good_ones_serve() {
    let host = Host::start();
    serves(&host);
    let mut place = place_of(host);
    let text = std::fs::read_to_string(settings(&place)).unwrap();
    let future = format!("{text}\n[telepathy]\nrange = 3\n");
    for broken in ["", "[repository]\nurl = \"htt", future.as_str()] {
        std::fs::write(settings(&place), broken).unwrap();
        let host = Host::start_in(place);
        serves(&host);
        assert!(notices(&host).contains("newleaf.toml line "), "{}", notices(&host));
        place = place_of(host);
    }
    std::fs::remove_file(settings(&place)).unwrap();
    let host = Host::start_in(place);
    serves(&host);
    assert!(notices(&host).contains("cannot read"), "{}", notices(&host));
}

#[test]
fn settings_that_never_served_end_the_first_start_with_line_and_key() {
    let place = Place::with_host();
    let text = std::fs::read_to_string(settings(&place)).unwrap();
    std::fs::write(settings(&place), text.replace("# tries = 2", "tries = 0")).unwrap();
    let said = place.run(&["serve"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("newleaf.toml line ") && said.err.contains("tries: "), "{said:?}");
}

#[test]
fn a_state_that_is_no_state_ends_the_start_by_name_and_is_left_as_it_is() {
    let place = Place::with_host();
    let layout = Layout::new(place.dir());
    let whole = std::fs::read_to_string(layout.state()).unwrap();
    for (text, named) in [("", "is torn"), (&whole[..100], "is torn")] {
        std::fs::write(layout.state(), text).unwrap();
        let said = place.run(&["serve"]);
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains(named) && said.err.contains("backup"), "{said:?}");
        assert_eq!(std::fs::read_to_string(layout.state()).unwrap(), text);
    }
    let body =
        whole[..whole.len() - 65].replace("\"schema\": 1,\n  \"seq\"", "\"schema\": 9,\n  \"seq\"");
    let sum = newleaf_domain::Digest::of(body.as_bytes());
    std::fs::write(layout.state(), format!("{body}{sum}\n")).unwrap();
    let said = place.run(&["serve"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("has schema 9, but this version reads up to 1"), "{said:?}");
}

#[test]
fn a_folder_that_was_moved_serves_at_its_new_place_over_old_sockets() {
    let host = Host::start();
    serves(&host);
    let from = host.place.dir();
    let new = Place::new();
    // As it stands in the middle of its life: a backup has its sockets and locks too.
    let copied = Command::new("cp").arg("-a").arg(&from).arg(new.dir()).status().unwrap();
    assert!(copied.success());
    drop(host);
    let host = Host::start_in(new);
    serves(&host);
    let link = host.place.run(&["sign-in-link"]);
    assert_eq!(link.code, 0, "{link:?}");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_state_from_a_backup_beside_a_newer_journal_is_told_and_what_it_names_is_run() {
    let place = Place::with_host();
    let state = state_file::read(&Layout::new(place.dir())).unwrap();
    let digest = newleaf_domain::Digest::of(b"1.1.0");
    let update = "1800000000-00000000-1";
    let plan = newleaf_domain::PlanId::of(digest);
    let began = serde_json::json!({
        "seq": 1, "at": "2026-11-21T02:30:00Z", "update": update, "kind": "began", "target": "core",
        "from": "1.0.0", "to": "1.1.0", "digest": digest, "plan": plan, "way": "forward", "by": "test",
    });
    let ended = serde_json::json!({
        "seq": 2, "at": "2026-11-21T02:31:00Z", "update": update, "kind": "ended",
        "ending": "committed",
    });
    std::fs::write(place.dir().join("journal.jsonl"), format!("{began}\n{ended}\n")).unwrap();
    let host = Host::start_in(place);
    serves(&host);
    let journal = std::fs::read_to_string(host.place.dir().join("journal.jsonl")).unwrap();
    assert!(journal.contains("`state` is older than the journal"), "{journal}");
    assert!(notices(&host).contains("does not name core 1.1.0"), "{}", notices(&host));
    assert_eq!(state.core.good.version.as_str(), "1.0.0");
}

/// Runs the program under `umask` and gives its exit code.
fn under_umask(umask: &str, place: &Place, arguments: &[&str]) -> Option<i32> {
    let line = format!("umask {umask}; exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &line, env!("CARGO_BIN_EXE_newleaf")]).args(arguments);
    command.env("NEWLEAF_DIR", place.dir()).status().unwrap().code()
}

#[test]
fn a_host_made_under_umask_077_serves_and_one_under_000_lets_nobody_in() {
    use std::os::unix::fs::PermissionsExt as _;
    for umask in ["077", "000"] {
        let place = Place::new();
        let repository = format!("file://{}", place.repository().display());
        let root = place.root();
        let init = ["init", "--repository", &repository, "--root", root.to_str().unwrap()];
        assert_eq!(under_umask(umask, &place, &init), Some(0), "umask {umask}");
        let host = Host::start_in(place);
        serves(&host);
        let mode = std::fs::metadata(host.place.dir()).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "umask {umask}");
        assert_eq!(host.stop(), Some(0));
    }
}

/// A tmpfs on which nothing can be run; unmounted when dropped.
struct NoExec(PathBuf);

impl NoExec {
    /// None where this user may not mount.
    fn mount(path: &Path) -> Option<Self> {
        std::fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "noexec,size=512m,mode=700", "tmpfs"]).arg(path);
        mount.status().is_ok_and(|status| status.success()).then(|| Self(path.to_owned()))
    }
}

impl Drop for NoExec {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

#[test]
fn a_folder_on_a_noexec_mount_is_named_by_the_recovery_page() {
    let place = Place::new();
    let Some(_mounted) = NoExec::mount(&place.dir()) else {
        std::io::Write::write_all(&mut std::io::stderr(), b"skipped: mounting needs root\n")
            .unwrap();
        return;
    };
    let source = Place::with_host();
    let copied = Command::new("cp").arg("-a").arg(source.dir().join(".")).arg(place.dir()).status();
    assert!(copied.unwrap().success());
    let host = Host::start_in(place);
    while !host.get("/").starts_with("HTTP/1.1 503") {}
    let journal = std::fs::read_to_string(host.place.dir().join("journal.jsonl")).unwrap();
    assert!(journal.contains("is mounted noexec"), "{journal}");
    assert_eq!(host.stop(), Some(0));
}
