//! What is refused, each with its own code and four lines.

use newleaf_launcher::Layout;
use newleaf_launcher::lock::HostLock;
use serde_json::Value;

use crate::place::{Place, Said};

fn four_lines(said: &Said) -> Vec<&str> {
    let lines = said.err.lines().collect::<Vec<_>>();
    assert_eq!(lines.len(), 4, "{said:?}");
    lines
}

#[test]
fn a_word_that_is_no_command_is_a_usage_error() {
    let place = Place::new();
    for wrong in
        [&["frobnicate"][..], &["update", "../etc"], &["update", "core", "--all"], &["init"]]
    {
        assert_eq!(place.run(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let place = Place::new();
    let said = place.run(&["status"]);
    assert_eq!(said.code, 3);
    assert!(four_lines(&said)[1].contains("[place]/host"), "{said:?}");
}

#[test]
fn a_folder_that_is_no_host_is_said_to_be_none() {
    let place = Place::new();
    std::fs::create_dir(place.dir()).unwrap();
    let said = place.run(&["status"]);
    assert_eq!(said.code, 1);
    assert!(four_lines(&said)[1].contains("there is no state in [place]/host"), "{said:?}");
}

#[test]
fn a_folder_in_use_is_busy_and_the_process_is_named() {
    let place = Place::with_host();
    let _held = HostLock::acquire(&Layout::new(place.dir())).unwrap();
    let us = format!("process {}", std::process::id());
    for command in [&["status"][..], &["serve"]] {
        let said = place.run(command);
        assert_eq!(said.code, 6, "{said:?}");
        assert!(four_lines(&said)[1].contains(&us), "{said:?}");
    }
}

#[test]
fn a_mistake_in_the_settings_is_named_with_its_line() {
    let place = Place::with_host();
    let settings = place.dir().join("newleaf.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, text.replace("# probation = 60\n# drain", "probatoin = 60\n# drain"))
        .unwrap();
    let said = place.run(&["serve"]);
    assert_eq!(said.code, 1, "{said:?}");
    let failed = four_lines(&said)[1];
    assert!(failed.contains("newleaf.toml line ") && failed.contains("`probatoin`"), "{failed}");
}

#[test]
fn a_failure_as_json_is_one_document_on_stdout() {
    let place = Place::new();
    let said = place.run(&["status", "--json"]);
    let problem: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &problem["exit"], said.err.as_str()), (3, &3.into(), ""));
    for member in ["type", "title", "status", "detail", "state", "done", "todo"] {
        assert!(!problem[member].is_null(), "{member} is missing in {problem:#}");
    }
}

#[test]
fn a_usage_error_as_json_has_the_same_members_as_every_failure() {
    let place = Place::new();
    for wrong in [
        &["--json"][..],
        &["frobnicate", "--json"],
        &["--json", "update", "../etc"],
        &["init", "--json"],
        &["--json", "apps"],
        &["status", "--json", "--frob"],
    ] {
        let said = place.run(wrong);
        let problem: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(
            (said.code, &problem["exit"], said.err.as_str()),
            (2, &2.into(), ""),
            "{wrong:?}"
        );
        for member in ["type", "title", "status", "detail", "state", "done", "todo"] {
            assert!(!problem[member].is_null(), "{member} is missing in {problem:#}");
        }
    }
    let help = place.run(&["--json", "--help"]);
    assert!(help.code == 0 && help.out.contains("Usage:"), "{help:?}");
}

#[test]
fn a_shell_gets_its_completions() {
    let said = Place::new().run(&["completions", "bash"]);
    assert_eq!(said.code, 0);
    assert!(said.out.contains("sign-in-link") && said.out.contains("complete -F"), "{said:?}");
}
