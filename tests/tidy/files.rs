//! What every file of ours must have, and what none may have.

use crate::tree::{files, shown};

/// The only files with `unsafe`, each for the reason that stands in it.
const UNSAFE: &[&str] = include!("unsafe.in");

#[test]
fn every_rust_file_says_what_it_is_for() {
    for path in files(".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!"), "{} does not open with //!", shown(&path));
    }
}

#[test]
fn unsafe_stands_only_in_the_listed_files() {
    let mut found = Vec::new();
    for path in files(".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().map(str::trim_start).filter(|line| !line.starts_with("//"));
        let mut words =
            code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
        if words.any(|word| word == "unsafe") && !shown(&path).starts_with("tests/tidy") {
            found.push(shown(&path));
        }
    }
    assert_eq!(found, UNSAFE, "the files with unsafe changed");
}

#[test]
fn no_file_speaks_of_one_machine() {
    let private = ["/ho".to_owned() + "me/", "/ro".to_owned() + "ot/", "/wo".to_owned() + "rk/"];
    for ending in [".rs", ".md", ".toml", ".js", ".css", ".wit", "run"] {
        for path in files(ending) {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            for word in &private {
                assert!(!text.contains(word), "{} holds {word}", shown(&path));
            }
        }
    }
}

#[test]
fn nothing_is_left_to_do_in_the_code() {
    let marks = [
        "to".to_owned() + "do!(",
        "unimple".to_owned() + "mented!(",
        "FIX".to_owned() + "ME",
        "XX".to_owned() + "X:",
    ];
    for path in files(".rs") {
        let text = std::fs::read_to_string(&path).unwrap();
        for mark in &marks {
            assert!(!text.contains(mark), "{} holds {mark}", shown(&path));
        }
    }
}
