//! Which crate may use which. An arrow that is not drawn here is a decision not yet taken.

use cargo_metadata::DependencyKind;

use crate::tree::members;

/// Each crate of ours, and those of ours it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("newleaf-domain", &[]),
    ("newleaf-trust", &["newleaf-domain"]),
    ("newleaf-package", &["newleaf-domain"]),
    ("newleaf-plan", &["newleaf-domain", "newleaf-trust"]),
    ("newleaf-launcher", &["newleaf-domain"]),
    ("newleaf-plugin-host", &["newleaf-domain"]),
    (
        "newleaf-update",
        &["newleaf-domain", "newleaf-launcher", "newleaf-package", "newleaf-plan", "newleaf-trust"],
    ),
    ("newleaf-web", &["newleaf-domain", "newleaf-update"]),
    (
        "newleaf",
        &[
            "newleaf-domain",
            "newleaf-launcher",
            "newleaf-package",
            "newleaf-plan",
            "newleaf-plugin-host",
            "newleaf-trust",
            "newleaf-update",
            "newleaf-web",
        ],
    ),
    ("newleaf-registry-api", &["newleaf-domain", "newleaf-package", "newleaf-trust"]),
    ("newleaf-keys", &["newleaf-domain", "newleaf-package", "newleaf-trust"]),
    (
        "newleaf-registry",
        &[
            "newleaf-domain",
            "newleaf-keys",
            "newleaf-package",
            "newleaf-registry-api",
            "newleaf-trust",
        ],
    ),
    ("newleaf-sdk", &[]),
    ("newleaf-sdk-testing", &["newleaf-domain", "newleaf-plugin-host"]),
    (
        "newleaf-sdk-cli",
        &[
            "newleaf-domain",
            "newleaf-package",
            "newleaf-plugin-host",
            "newleaf-registry-api",
            "newleaf-sdk-testing",
            "newleaf-trust",
        ],
    ),
    ("newleaf-measured", &["newleaf-domain", "newleaf-plugin-host"]),
    ("newleaf-feeds", &["newleaf-sdk"]),
    ("newleaf-hello", &["newleaf-sdk"]),
    ("newleaf-notes", &["newleaf-sdk"]),
    ("newleaf-polls", &["newleaf-sdk"]),
];

/// The cores of the tests: each embeds the library as a vendor would, and sees nothing else of ours.
const CORES: (&str, &[&str]) = ("newleaf-core-", &["newleaf"]);

/// All that the crates which must stay small may use from elsewhere.
const ALLOWED_FROM_ELSEWHERE: &[(&str, &[&str])] = &[
    ("newleaf-domain", &["hex", "jiff", "semver", "serde", "serde_json", "sha2", "thiserror"]),
    (
        "newleaf-trust",
        &["ed25519-dalek", "hex", "serde", "serde_json", "sha2", "thiserror", "zeroize"],
    ),
    ("newleaf-plan", &["serde", "serde_json", "thiserror"]),
    ("newleaf-launcher", &["rustix", "serde", "serde_json", "sha2", "signal-hook", "thiserror"]),
];

#[test]
fn every_arrow_between_crates_is_one_that_was_drawn() {
    for package in members() {
        if package.name == "newleaf-tests" {
            continue;
        }
        let drawn = ARROWS.iter().find(|(name, _)| package.name == *name);
        let (_, may_use) = drawn
            .or_else(|| package.name.starts_with(CORES.0).then_some(&CORES))
            .unwrap_or_else(|| panic!("{} is not on the map of arrows", package.name));
        for dependency in &package.dependencies {
            let ours = dependency.name.starts_with("newleaf");
            if ours && dependency.kind == DependencyKind::Normal {
                let name = &dependency.name.as_str();
                assert!(may_use.contains(name), "{} may not use {name}", package.name);
            }
        }
    }
}

#[test]
fn the_pure_crates_and_the_launcher_use_nothing_new() {
    let members = members();
    for (name, allowed) in ALLOWED_FROM_ELSEWHERE {
        let package = members.iter().find(|package| package.name == *name);
        for dependency in &package.unwrap().dependencies {
            let from_elsewhere = !dependency.name.starts_with("newleaf");
            if from_elsewhere && dependency.kind == DependencyKind::Normal {
                assert!(
                    allowed.contains(&dependency.name.as_str()),
                    "{name} may not use {}",
                    dependency.name
                );
            }
        }
    }
}
