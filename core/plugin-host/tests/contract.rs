//! The contract in `sdk/wit/v1` only grows: it is compared with its last published text, and the
//! versions that it names with what the inspection of a component computes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

use newleaf_domain::AbiVersion;
use newleaf_plugin_host::inspect;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve, Stability, UnresolvedPackageGroup, WorldId};

/// What was published last.
const PUBLISHED: &str = "published/1.0.0";

fn wit(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/wit").join(folder)
}

fn world(resolve: &Resolve, package: wit_parser::PackageId, name: &str) -> WorldId {
    resolve.packages[package].worlds[name]
}

/// Whether the contract in `now` has all that the published one had, unchanged.
fn compare(now: UnresolvedPackageGroup) -> Result<(), String> {
    let mut resolve = Resolve::default();
    let (before, _) = resolve.push_dir(wit(PUBLISHED)).unwrap();
    let after = resolve.push_group(now).unwrap();
    let worlds: Vec<_> = resolve.packages[before].worlds.keys().cloned().collect();
    for name in worlds {
        if !resolve.packages[after].worlds.contains_key(&name) {
            return Err(format!("world {name} is gone"));
        }
        let (old, new) = (world(&resolve, before, &name), world(&resolve, after, &name));
        wit_component::semver_check(resolve.clone(), old, new)
            .map_err(|error| format!("world {name}: {error:#}"))?;
    }
    Ok(())
}

/// The contract as it is, with `from` replaced by `to` in one place.
fn changed(from: &str, to: &str) -> UnresolvedPackageGroup {
    let mut map = wit_parser::SourceMap::new();
    let mut found = 0;
    for entry in std::fs::read_dir(wit("v1")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        found += text.matches(from).count();
        map.push(&path, text.replacen(from, to, 1));
    }
    assert_eq!(found, 1, "{from:?} is not in the contract just once");
    map.parse().map_err(|(_, error)| error).unwrap()
}

#[test]
fn the_contract_has_all_that_was_published() {
    compare(UnresolvedPackageGroup::parse_dir(wit("v1")).unwrap()).unwrap();
}

#[test]
fn a_function_more_is_no_breach() {
    let more = "@since(version = 1.1.0)\n  more: func();\n  execute: func(statement";
    compare(changed("execute: func(statement", more)).unwrap();
}

#[test]
fn whatever_was_published_and_differs_is_found() {
    let breaches = [
        (
            "a parameter's type",
            "key: string, value: list<u8>) ->",
            "key: string, value: string) ->",
        ),
        (
            "a parameter more",
            "get: func(key: string) -> option<string>",
            "get: func(key: string, or: string) -> option<string>",
        ),
        ("a function gone", "base-path: func() -> string;", ""),
        ("an error more", "denied(string),", "denied(string), forbidden,"),
        ("an export more", "export lifecycle;", "export lifecycle; export jobs;"),
        ("an import gone", "  import sql;", ""),
    ];
    for (what, from, to) in breaches {
        assert!(compare(changed(from, to)).is_err(), "{what} was not found");
    }
}

/// A component that imports and exports all of `world`, on disk.
fn component(folder: &Path, resolve: &Resolve, world: WorldId) -> PathBuf {
    let mut module = dummy_module(resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8).unwrap();
    let bytes = ComponentEncoder::default().module(&module).unwrap().encode().unwrap();
    let path = folder.join(format!("{}.wasm", resolve.worlds[world].name));
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn the_version_that_an_app_needs_is_the_one_the_contract_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit("v1")).unwrap();
    let version = resolve.packages[package].name.version.clone().unwrap();
    let current = AbiVersion::current();
    assert_eq!(current, abi(version.major, version.minor));
    // One component for each function, which imports or exports no other.
    let interfaces: Vec<_> = resolve.packages[package].interfaces.clone().into_iter().collect();
    for (interface, id) in interfaces {
        let functions: Vec<_> = resolve.interfaces[id].functions.clone().into_iter().collect();
        let of_interface = since(&resolve.interfaces[id].stability);
        for (name, function) in functions {
            let mut one = resolve.clone();
            one.interfaces[id].functions.retain(|kept, _| *kept == name);
            let way = if ["jobs", "lifecycle"].contains(&interface.as_str()) {
                "export"
            } else {
                "import"
            };
            let text = format!(
                "package newleaf:alone; world alone {{ {way} newleaf:app/{interface}@{version}; }}"
            );
            let alone = one.push_str("alone.wit", &text).unwrap();
            let world = world(&one, alone, "alone");
            let found = inspect(&component(folder.path(), &one, world)).unwrap();
            let named = since(&function.stability).max(of_interface.clone());
            assert_eq!(found.min_abi, Some(named), "{interface}.{name}");
        }
    }
}

fn abi(major: u64, minor: u64) -> AbiVersion {
    AbiVersion::new(u32::try_from(major).unwrap(), u32::try_from(minor).unwrap())
}

fn since(stability: &Stability) -> AbiVersion {
    match stability {
        Stability::Stable { since, .. } => abi(since.major, since.minor),
        Stability::Unknown | Stability::Unstable { .. } => AbiVersion::new(1, 0),
    }
}
