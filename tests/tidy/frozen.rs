//! What was published and never changes: each version of the contract between host and app. That
//! the present text in `sdk/wit/v1` only adds to the last one is a test of the plugin host.

use std::fmt::Write as _;

use newleaf_domain::Digest;

use crate::tree::{files, shown};

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
