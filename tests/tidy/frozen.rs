//! What was published and never changes: the contract between host and app.

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
        if name.starts_with("sdk/wit/") {
            writeln!(now, "{} {name}", Digest::of(&std::fs::read(&path).unwrap())).unwrap();
        }
    }
    assert_eq!(now, PUBLISHED, "a published file changed; add a new version beside it instead");
}
