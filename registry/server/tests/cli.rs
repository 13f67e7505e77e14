//! The program itself: what it says of a command line it does not understand, and of a failure.
#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::process::{Command, Output};

use serde_json::Value;

fn registry(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_newleaf-registry")).args(arguments).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error} in {output:?}"))
}

#[test]
fn a_usage_error_as_json_has_the_members_of_every_failure() {
    for wrong in [&["--json"][..], &["frobnicate", "--json"], &["--json", "serve"]] {
        let said = registry(wrong);
        assert_eq!((said.status.code(), &json(&said)["exit"]), (Some(2), &2.into()), "{said:?}");
        for member in ["detail", "state", "done", "todo"] {
            assert!(json(&said)[member].is_string(), "{member} is missing in {said:?}");
        }
    }
    assert_eq!(registry(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn a_failure_is_four_lines_for_people_and_one_object_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("nowhere");
    let arguments = ["serve", "--dir", dir.to_str().unwrap()];
    let said = registry(&arguments);
    let text = String::from_utf8(said.stderr).unwrap();
    let labels = ["state now:  ", "failed:     ", "done:       ", "what to do: "];
    assert_eq!((said.status.code(), text.lines().count()), (Some(1), 4), "{text}");
    for (line, label) in text.lines().zip(labels) {
        assert!(line.starts_with(label), "{text}");
    }
    let said = registry(&[&arguments[..], &["--json"]].concat());
    assert!(said.stderr.is_empty() && json(&said)["exit"] == 1, "{said:?}");
    assert!(json(&said)["detail"].as_str().unwrap().contains("nowhere"), "{said:?}");
}
