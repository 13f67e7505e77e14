//! What we build from: licences, banned crates, crates in two versions.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{built, files, shown};

/// Licences that may be linked into a product under any licence.
const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "blessing",
    "0BSD",
];

/// Second stacks for what one crate already does here, and crates that were judged and refused.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "TLS is rustls"),
    ("openssl-sys", "TLS is rustls"),
    ("native-tls", "TLS is rustls"),
    ("aws-lc-rs", "rustls runs on ring, which needs only a C compiler"),
    ("tough", "the update client is our own crate"),
    ("sqlx-macros", "statements are plain, so that a build needs no database"),
];

/// Crates that stand in the graph in two versions, and who keeps the older one there.
const DOUBLED: &[&str] = include!("doubled.in");

#[test]
fn every_licence_is_one_that_was_accepted() {
    for built in built() {
        let accepted = built.licence.replace('/', " OR ").split(" AND ").all(|part| {
            let plain = |text: &str| text.trim_matches(['(', ')', ' ']).to_owned();
            plain(part).split(" OR ").any(|one| LICENCES.contains(&plain(one).as_str()))
        });
        assert!(accepted, "{} is under {:?}", built.name, built.licence);
    }
}

#[test]
fn no_banned_crate_is_built() {
    let built = built();
    for (banned, why) in BANNED {
        let found = built.iter().find(|built| built.name == *banned);
        assert!(found.is_none(), "{banned} is in the graph: {why}");
    }
}

#[test]
fn every_doubled_crate_is_known() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for built in built() {
        versions.entry(built.name).or_default().insert(built.version);
    }
    let doubled: BTreeSet<_> =
        versions.iter().filter(|(_, v)| v.len() > 1).map(|(name, _)| name.as_str()).collect();
    let known: BTreeSet<_> = DOUBLED.iter().copied().collect();
    let new: Vec<_> = doubled.difference(&known).collect();
    let gone: Vec<_> = known.difference(&doubled).collect();
    assert!(new.is_empty(), "crates now in two versions: {new:?}");
    assert!(gone.is_empty(), "no longer in two versions, take them off the list: {gone:?}");
}

#[test]
fn every_dependency_is_named_once_in_the_workspace() {
    for path in files("Cargo.toml") {
        let text = std::fs::read_to_string(&path).unwrap();
        if text.contains("[workspace]") {
            continue;
        }
        let mut in_dependencies = false;
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                in_dependencies = line.ends_with("dependencies]");
            } else if in_dependencies && !line.is_empty() && !line.starts_with('#') {
                assert!(line.contains("workspace = true"), "{}: {line}", shown(&path));
            }
        }
    }
}
