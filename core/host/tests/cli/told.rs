//! What commands tell people: every hint can be typed as it is told, no line is longer than a narrow
//! terminal, nothing is coloured on a pipe, and an app that is not there is refused in one way.

use std::path::Path;

use serde_json::Value;

use crate::place::{Place, Said};
use crate::repository::scene;
use crate::typed;

const NOWHERE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn a_preflight_without_a_host_goes_by_what_the_last_check_kept() {
    let place = scene();
    let before = place.run(&["preflight"]);
    assert_eq!(before.code, 3, "{before:?}");
    assert!(before.out.contains("nothing is known of the repository yet"), "{before:?}");
    assert_eq!(place.run(&["check"]).code, 0);
    for command in [&["preflight"][..], &["preflight", "core"]] {
        let after = place.run(command);
        assert_eq!(after.code, 0, "{after:?}");
        assert!(after.out.contains("Signatures in force: in force until"), "{after:?}");
    }
}

#[test]
fn an_app_that_is_not_there_is_the_same_refusal_whatever_is_asked_of_it() {
    let place = scene();
    assert_eq!(place.run(&["check"]).code, 0);
    for asked in [
        &["preflight"][..],
        &["plan"],
        &["update"],
        &["update", "--list"],
        &["update", "--version", "1.0.0"],
        &["rehearse"],
        &["rollback"],
        &["history"],
        &["channel"],
        &["skip"],
        &["skip", "--version", "1.0.0"],
        &["apps", "info"],
        &["apps", "install"],
        &["apps", "enable"],
        &["apps", "disable"],
        &["apps", "remove", "--keep-data"],
        &["apps", "remove", "--yes"],
    ] {
        let said = place.run(&[asked, &["nosuch/app"]].concat());
        assert_eq!(said.code, 2, "{asked:?}: {said:?}");
        let lines = said.err.lines().collect::<Vec<_>>();
        assert!(lines[1].starts_with("failed:     nosuch/app is not installed"), "{said:?}");
        assert!(lines[3].contains("newleaf apps list"), "{said:?}");
    }
    let several = place.run(&["preflight", "core", "nosuch/app"]);
    assert_eq!(several.code, 2, "{several:?}");
    assert!(several.out.contains("Signatures in force"), "the others are measured: {several:?}");
}

#[test]
fn what_does_not_run_is_not_said_to_serve() {
    let place = scene();
    let said = place.run(&["update", "core"]);
    assert_eq!(said.code, 1, "{said:?}");
    let lines = said.err.lines().collect::<Vec<_>>();
    assert_eq!(lines[0], "state now:  no host runs; core 1.0.0 is installed");
    assert_eq!(lines[2], "done:       nothing was changed; core 1.0.0 serves once the host runs");
    let said = place.run(&["channel", "core", "nightly"]);
    assert!(said.code == 3 && said.err.starts_with("state now:  no host runs; "), "{said:?}");
    let said = place.run(&["snapshot", "restore", "nosuch", "--yes"]);
    assert!(said.err.starts_with("state now:  no host runs; start it: newleaf serve"), "{said:?}");
}

/// Commands that are refused or tell what to type, and where.
fn telling(place: &Place) -> Vec<Said> {
    let repository = format!("file://{}", place.repository().display());
    let root = place.root();
    let init = ["init", "--repository", &repository, "--root", root.to_str().unwrap()];
    let mut all = vec![place.run_on(&["status"]), place.run_on(&["serve"])];
    std::fs::create_dir(place.dir()).unwrap();
    all.extend([place.run_on(&["status"]), place.run_on(&["init", "--adopt"])]);
    std::fs::write(place.dir().join("letter"), "").unwrap();
    all.push(place.run_on(&init));
    std::fs::remove_file(place.dir().join("letter")).unwrap();
    all.extend([place.run_on(&init), place.run_on(&init), place.run_on(&["status"])]);
    let plan = ["update", "--plan", NOWHERE];
    for command in [
        &["preflight"][..],
        &["check"],
        &["update", "core"],
        &plan,
        &["plan", "core", "--version", "9.9.9"],
        &["rehearse", "core"],
        &["rollback", "core"],
        &["skip", "core"],
        &["skip", "core", "--undo"],
        &["channel", "core", "nightly"],
        &["history", "nosuch/app"],
        &["apps", "info", "nosuch/app"],
        &["apps", "install", "nosuch/app"],
        &["apps", "remove", "nosuch/app"],
        &["apps", "put-back", "nosuch/app"],
        &["apps", "run-job", "nosuch/app"],
        &["trust", "show"],
        &["trust", "accept", "nosuch", "--yes"],
        &["sign-in-link"],
        &["recovery-link"],
        &["snapshot", "list"],
        &["snapshot", "restore", "nosuch"],
        &["init", "--adopt"],
    ] {
        all.push(place.run_on(command));
    }
    std::fs::write(place.dir().join("newleaf.toml"), "nonsense").unwrap();
    all.extend([place.run_on(&["serve"]), place.run_on(&["status"])]);
    for state in ["state", "state.prev"] {
        std::fs::write(place.dir().join(state), "torn").unwrap();
    }
    all.push(place.run_on(&["status"]));
    all
}

#[test]
fn every_hint_of_a_refusal_can_be_typed_as_it_is_told() {
    let place = Place::called("new leaf");
    let program = Path::new(env!("CARGO_BIN_EXE_newleaf"));
    let mut count = 0;
    for said in telling(&place) {
        for words in typed::commands("newleaf", &format!("{}\n{}", said.out, said.err)) {
            let names_it = words.iter().any(|word| word == "--dir");
            assert!(names_it, "the folder is not named in {words:?}: {said:?}");
            typed::assert_understood(program, &words, &place.dir());
            count += 1;
        }
    }
    assert!(count >= 20, "only {count} commands were told");
}

#[test]
fn where_the_environment_names_the_folder_commands_do_not() {
    let place = scene();
    let said = place.run(&["preflight"]);
    assert!(said.out.contains("newleaf check"), "{said:?}");
    let json = place.run(&["preflight", "--json"]);
    assert!(serde_json::from_str::<Value>(&json.out).is_ok(), "{json:?}");
}

#[test]
fn a_narrow_terminal_gets_no_longer_line_than_it_has_columns() {
    let place = scene();
    assert_eq!(place.run(&["check"]).code, 0);
    place.run(&["update", "core"]);
    for command in [
        &["status"][..],
        &["history"],
        &["update"],
        &["update", "--list"],
        &["update", "core", "--dry-run"],
        &["preflight"],
        &["channel"],
        &["apps", "list"],
        &["trust", "show"],
        &["snapshot", "list"],
        &["apps", "remove", "nosuch/app", "--yes"],
    ] {
        let said = place.run_with(command, &[("COLUMNS", "40")]);
        for line in said.all_lines() {
            let words = line.split_whitespace().count();
            assert!(line.chars().count() <= 40 || words == 1, "{command:?}: {line:?}");
        }
        let json = place.run_with(&[command, &["--json"]].concat(), &[("COLUMNS", "40")]);
        assert!(json.out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }
}

#[test]
fn nothing_is_coloured_on_a_pipe() {
    let place = scene();
    for command in [&["--help"][..], &["frobnicate"], &["status"], &["check"], &["update", "core"]]
    {
        for variables in [&[][..], &[("NO_COLOR", "1")]] {
            let said = place.run_with(command, variables);
            assert!(!format!("{}{}", said.out, said.err).contains('\x1b'), "{said:?}");
        }
    }
}

#[test]
fn a_host_is_not_made_where_its_sockets_could_not_be_opened() {
    let place = Place::new();
    let deep = place.dir().join("d".repeat(90));
    let repository = format!("file://{}", place.repository().display());
    let root = place.root();
    let init = ["init", "--repository", &repository, "--root", root.to_str().unwrap(), "--dir"];
    let said = place.run(&[&init[..], &[deep.to_str().unwrap()]].concat());
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("and the system allows 107"), "{said:?}");
    assert!(said.err.contains("such as /srv/newleaf"), "{said:?}");
    assert!(!place.dir().exists(), "something was made");
}

/// Runs a command on the folder, which is mounted read-only for it alone; none where this user may
/// not mount.
fn read_only(place: &Place, command: &[&str]) -> Option<Said> {
    const MOUNT: &str = "mount --bind \"$NEWLEAF_DIR\" \"$NEWLEAF_DIR\" && \
        mount -o remount,bind,ro \"$NEWLEAF_DIR\" || exit 77; exec \"$@\"";
    let said =
        place.run_by("unshare", &["--mount", "--map-root-user", "sh", "-c", MOUNT, "sh"], command);
    (said.code != 77 && !said.err.starts_with("unshare:")).then_some(said)
}

#[test]
fn on_a_read_only_disk_all_can_be_read_and_what_must_write_says_so() {
    let place = scene();
    assert_eq!(place.run(&["check"]).code, 0);
    place.run(&["update", "core"]);
    let bundle = tempfile::tempdir().unwrap();
    let bundle = bundle.path().join("bundle.tar");
    for command in [
        &["status"][..],
        &["status", "--json"],
        &["history"],
        &["apps", "list"],
        &["trust", "show"],
        &["channel"],
        &["snapshot", "list"],
        &["support-bundle", "--out", bundle.to_str().unwrap()],
    ] {
        let Some(said) = read_only(&place, command) else {
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: mounting needs root\n")
                .unwrap();
            return;
        };
        assert_eq!(said.code, 0, "{command:?}: {said:?}");
    }
    let measured = read_only(&place, &["preflight"]).unwrap();
    assert_eq!(measured.code, 3, "{measured:?}");
    assert!(measured.out.contains("BLOCK  Write permission"), "{measured:?}");
    assert!(measured.out.contains("sudo mount -o remount,rw"), "{measured:?}");
    for command in [&["check"][..], &["update", "core"], &["channel", "core", "nightly", "--yes"]] {
        let said = read_only(&place, command).unwrap();
        assert!(said.code != 0, "{command:?}: {said:?}");
        let text = said.err.to_lowercase();
        assert!(text.contains("read-only"), "{command:?} does not say why: {said:?}");
        assert!(
            text.contains("mount") || text.contains("newleaf preflight"),
            "{command:?}: {said:?}"
        );
    }
}
