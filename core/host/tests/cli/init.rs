//! Making a host.

use std::os::unix::fs::PermissionsExt as _;

use newleaf_launcher::state::Origin;
use newleaf_launcher::{Layout, state_file};

use crate::place::Place;

#[test]
fn a_new_host_is_ready_and_says_how_to_start_it() {
    let place = Place::new();
    let said = place.init();
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    insta::assert_snapshot!(said.out, @r"
    Newleaf 1.0.0 is ready in [place]/host
    settings: [place]/host/newleaf.toml
    start it: newleaf serve --dir [place]/host
    ");
}

#[test]
fn the_first_slot_is_this_program_and_good() {
    let place = Place::with_host();
    let layout = Layout::new(place.dir());
    let state = state_file::read(&layout).unwrap();
    assert_eq!((state.seq, state.core.good.origin), (1, Origin::Local));
    let program = layout.program(&state.core.good);
    assert_eq!(std::fs::metadata(&program).unwrap().permissions().mode() & 0o777, 0o755);
    let answer = std::process::Command::new(program).arg("--self-test").output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!((&said["version"], &said["schema"]), (&"1.0.0".into(), &1.into()));
}

#[test]
fn only_the_owner_can_look_into_a_host() {
    let place = Place::with_host();
    for folder in ["", "run", "trust", "data", "slots"] {
        let mode = std::fs::metadata(place.dir().join(folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder:?}");
    }
}

#[test]
fn a_host_is_not_made_twice() {
    let place = Place::with_host();
    let before = std::fs::read(place.dir().join("state")).unwrap();
    let said = place.init();
    assert_eq!(said.code, 3);
    insta::assert_snapshot!(said.err, @r"
    state now:  the host in [place]/host is as it was
    failed:     make a host in [place]/host: there is one already
    done:       nothing was changed
    what to do: start it: newleaf serve --dir [place]/host; or choose another folder
    ");
    assert_eq!(std::fs::read(place.dir().join("state")).unwrap(), before);
}

#[test]
fn a_root_that_signs_nothing_is_refused_by_trust() {
    let place = Place::new();
    std::fs::write(place.root(), r#"{"signatures":[],"signed":{}}"#).unwrap();
    let said = place.init();
    assert_eq!(said.code, 4, "{said:?}");
    assert!(!place.dir().exists());
}

#[test]
fn without_a_root_nobody_is_trusted() {
    let place = Place::new();
    let said = place.run(&["init", "--repository", "https://updates.example.com"]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--root FILE"), "{said:?}");
}

#[test]
fn a_host_that_lost_its_state_gets_another_by_one_command_and_keeps_its_data() {
    let place = Place::with_host();
    let layout = Layout::new(place.dir());
    let good = state_file::read(&layout).unwrap().core.good;
    let well = place.run(&["init", "--adopt"]);
    assert_eq!(well.code, 3, "{well:?}");
    assert!(well.err.contains("what to do: start the host, whose state is well"), "{well:?}");
    for lost in ["state", "state.prev"] {
        drop(std::fs::remove_file(place.dir().join(lost)));
    }
    let status = place.run(&["status"]);
    assert_eq!(status.code, 1, "{status:?}");
    assert!(status.err.contains("init --adopt --dir"), "{status:?}");
    let again = place.init();
    assert!(again.err.contains("init --adopt --dir"), "{again:?}");
    let said = place.run(&["init", "--adopt"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{said:?}");
    insta::assert_snapshot!(said.out, @r"
    Newleaf 1.0.0 is ready in [place]/host, with its data; its state was lost, and with it what was installed
    start it: newleaf serve --dir [place]/host
    ");
    assert_eq!(state_file::read(&layout).unwrap().core.good, good);
    assert_eq!(place.run(&["status"]).code, 0);
    let other = Place::new();
    std::fs::create_dir(other.dir()).unwrap();
    let refused = other.run(&["init", "--adopt"]);
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("newleaf.toml is not there"), "{refused:?}");
}

#[test]
fn a_root_that_is_a_folder_is_told_as_what_it_is() {
    let place = Place::new();
    let root = place.root();
    let folder = root.parent().unwrap().to_str().unwrap();
    let said =
        place.run(&["init", "--repository", "https://updates.example.com", "--root", folder]);
    assert_eq!(said.code, 1, "{said:?}");
    insta::assert_snapshot!(said.err, @r"
    state now:  no host was made in [place]/host
    failed:     read the root role [place]: Is a directory (os error 21)
    done:       nothing was changed
    what to do: name the repository's root.json, a file, by --root FILE
    ");
}
