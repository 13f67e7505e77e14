//! A command line that is not understood, and a reader that goes away.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::sdk;

#[test]
fn a_usage_error_as_json_has_the_members_of_every_failure() {
    for wrong in [&["--json"][..], &["frobnicate", "--json"], &["--json", "new", "../etc"]] {
        let ran = sdk(Path::new("."), wrong);
        assert_eq!((ran.code, ran.err.as_str(), &ran.json()["exit"]), (2, "", &2.into()));
        for member in ["detail", "state", "done", "todo"] {
            assert!(ran.json()[member].is_string(), "{member} is missing in {ran:?}");
        }
    }
    let ran = sdk(Path::new("."), &["frobnicate"]);
    assert!(ran.code == 2 && ran.err.contains("Usage: newleaf-sdk"), "{ran:?}");
}

#[test]
fn a_failure_as_json_has_the_members_of_every_failure() {
    let ran = sdk(Path::new("."), &["check", "nowhere", "--json"]);
    assert_eq!((ran.err.as_str(), &ran.json()["exit"]), ("", &ran.code.into()));
    assert!(ran.code != 0 && ran.json()["detail"].is_string(), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_changes_no_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_newleaf-sdk"));
    command.args(["keygen", "--out", "key"]).current_dir(folder.path());
    let output = command.stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}
