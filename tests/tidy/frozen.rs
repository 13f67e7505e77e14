//! What was published and never changes: each version of the contract between host and app. That
//! the present text in `sdk/wit/v1` only adds to the last one is a test of the plugin host.

use std::fmt::Write as _;

use newleaf_domain::Digest;

use crate::tree::{files, package_folder, shown};

/// Each file of a published contract, and the digest it was published with.
const PUBLISHED: &str = include_str!("frozen.txt");

#[test]
fn a_published_contract_never_changes() {
    let mut now = String::new();
    for path in files(".wit") {
        let name = shown(&path);
        if name.starts_with("sdk/wit/published/") {
            writeln!(now, "{} {name}", Digest::of(&std::fs::read(&path).unwrap())).unwrap();
        }
    }
    assert_eq!(now, PUBLISHED, "a published file changed; add a new version beside it instead");
}

/// What authors in other languages get of WASI 0.2 beside our contract is what our engine speaks.
#[test]
fn the_texts_of_wasi_are_those_of_the_engine() {
    let folder = newleaf_tests::build::source_root().join("sdk/wit/wasi-0.2");
    let engine = package_folder("wasmtime-wasi-http").join("wit/deps");
    for file in std::fs::read_dir(&engine).unwrap() {
        let name = file.unwrap().file_name();
        let read = |folder: &std::path::Path| std::fs::read(folder.join(&name)).unwrap_or_default();
        assert_eq!(read(&folder), read(&engine), "{} is another text", name.display());
    }
}
