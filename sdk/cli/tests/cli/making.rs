//! `new`, `keygen`, `check` and `build`.

use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use newleaf_domain::ByteSize;
use newleaf_package::{Limits, PackageReader};
use serde_json::json;

use crate::program::{build, build_in, new_app, package, sdk, sdk_with};

#[test]
fn a_new_app_builds_and_has_nothing_to_complain_about() {
    let parent = tempfile::tempdir().unwrap();
    let folder = new_app(parent.path());
    let built = build(&folder).done().json();
    assert_eq!((&built["id"], &built["version"]), (&"acme/first".into(), &"0.1.0".into()));

    let checked = sdk(&folder, &["--json", "check", "first.zip"]).done().json();
    assert_eq!(checked["findings"], serde_json::json!([]));
    assert_eq!(checked["component_checked"], true);
}

#[test]
fn building_twice_gives_the_same_package() {
    let parent = tempfile::tempdir().unwrap();
    let folder = new_app(parent.path());
    let digest = || build(&folder).done().json()["sha256"].clone();
    assert_eq!(digest(), digest());
}

#[test]
fn a_folder_that_holds_something_is_not_made_into_an_app() {
    let parent = tempfile::tempdir().unwrap();
    fs::create_dir(parent.path().join("first")).unwrap();
    fs::write(parent.path().join("first/mine"), "").unwrap();
    let ran =
        sdk(parent.path(), &["new", "acme/first", "--sdk-git", "https://example.com/newleaf"]);
    assert_eq!((ran.code, ran.err.lines().count()), (1, 4));
    assert!(ran.err.contains("failed:     first is not empty"), "{}", ran.err);
}

#[test]
fn a_folder_without_the_guest_crate_is_not_built_against() {
    let parent = tempfile::tempdir().unwrap();
    let ran = sdk(parent.path(), &["new", "acme/first", "--sdk-path", "."]);
    assert_eq!((ran.code, ran.err.lines().count()), (1, 4));
    assert!(ran.err.contains("does not hold the newleaf-sdk crate"), "{}", ran.err);
    assert!(!parent.path().join("first").exists());
}

#[test]
fn a_name_that_is_none_and_a_command_that_is_none_are_wrong_usage() {
    let parent = tempfile::tempdir().unwrap();
    for arguments in [&["new", "Acme/First"][..], &["frobnicate"], &[]] {
        assert_eq!(sdk(parent.path(), arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn a_key_is_its_owners_alone_and_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let made = sdk(folder.path(), &["--json", "keygen", "--out", "keys/mine"]).done().json();
    let file = folder.path().join("keys/mine");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(made["public"].as_str().unwrap()));

    let again = sdk(folder.path(), &["keygen", "--out", "keys/mine"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("exists already"), "{}", again.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn the_public_half_lies_beside_the_key_in_the_form_of_a_role() {
    let folder = tempfile::tempdir().unwrap();
    let made = sdk(folder.path(), &["--json", "keygen", "--out", "keys/mine.key"]).done().json();
    assert_eq!(made["public_file"], "keys/mine.pub.json");
    let file = folder.path().join("keys/mine.pub.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&text).unwrap(),
        serde_json::json!({
            "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": made["public"] },
        })
    );
    let pair = fs::read_to_string(folder.path().join("keys/mine.key")).unwrap();
    let pair = newleaf_trust::KeyPair::from_file_form(&pair).unwrap();
    assert_eq!(serde_json::from_str::<newleaf_trust::PublicKey>(&text).unwrap(), pair.public());
}

#[test]
fn where_the_public_half_would_replace_a_file_no_key_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.pub.json");
    fs::write(&file, "somebody's").unwrap();
    let ran = sdk(folder.path(), &["keygen", "--out", "mine.key"]);
    assert_eq!((ran.code, ran.err.lines().count()), (1, 4));
    assert!(ran.err.contains("mine.pub.json exists already"), "{}", ran.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's");
    assert!(!folder.path().join("mine.key").exists());
}

#[test]
fn without_a_name_the_key_goes_to_the_configuration_folder() {
    let folder = tempfile::tempdir().unwrap();
    sdk_with(folder.path(), &["keygen"], &[("XDG_CONFIG_HOME", folder.path())]).done();
    assert!(folder.path().join("newleaf/author.key").is_file());
}

#[test]
fn what_is_wrong_with_a_folder_is_listed_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "manifest.json",
        r#"{"id":"acme/notes","version":"2.0.0","name":"Notes","summary":"Keeps notes.",
            "core":">=1","licence":"MIT","icon":"icon.svg","schema":1,"oldest_reader":2,
            "capabilities":[{"kind":"http","host":"*","reason":"x"}]}"#,
    );
    write("icon.svg", "<svg onload=\"x()\"></svg>");
    write("CHANGELOG.md", "## 1.0.0\n");
    let ran = sdk(folder.path(), &["check"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.out, @r#"
    error: oldest_reader is 2, newer than the schema 1 that is written
      it is the lowest schema whose program still runs on this data
    error: capabilities (http *) names "*", which is not a host
      write a host name or host:port, without scheme, path or wildcard
    error: icon.svg contains "onload="
      an icon may only draw
    warning: README.md is not there
      people read it before they install
    warning: CHANGELOG.md does not mention 2.0.0
      say what is new, so that people dare to update
    acme/notes 2.0.0: 3 errors, 2 warnings
    The component was not looked at: `newleaf-sdk build` makes and checks it.
    "#);
}

#[test]
fn a_file_that_is_no_package_is_refused_by_the_rule_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.zip");
    let mut bytes = package("1.0.0");
    bytes.push(0);
    fs::write(&path, bytes).unwrap();
    let ran = sdk(folder.path(), &["check", "odd.zip"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("does not end with its end record"), "{}", ran.err);
}

/// A folder of an app that no cargo knows, with its component made already.
fn foreign_app() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut reader = PackageReader::open(Cursor::new(package("0.1.0")), Limits::app()).unwrap();
    let members = reader.members().iter().map(|member| member.name.to_string());
    for name in members.collect::<Vec<_>>() {
        let bytes = reader.read_member(&name, ByteSize::mib(64)).unwrap();
        let name = if name == "app.wasm" { "made.wasm" } else { &name };
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

#[test]
fn a_component_that_another_tool_made_is_packed_without_cargo() {
    let folder = foreign_app();
    let nowhere = folder.path().join("no-programs");
    let arguments = ["--json", "build", "--component", "made.wasm"];
    let built = sdk_with(folder.path(), &arguments, &[("PATH", &nowhere)]).done().json();
    assert_eq!(
        (&built["id"], &built["package"]),
        (&"acme/first".into(), &"./first-0.1.0.zip".into())
    );
    let checked = sdk(folder.path(), &["--json", "check", "first-0.1.0.zip"]).done().json();
    assert_eq!((&checked["component_checked"], &checked["findings"]), (&true.into(), &json!([])));
    assert_eq!(fs::read(folder.path().join("first-0.1.0.zip")).unwrap(), package("0.1.0"));
}

#[test]
fn a_file_that_is_no_component_is_not_packed() {
    let folder = foreign_app();
    fs::write(folder.path().join("made.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let ran = sdk(folder.path(), &["build", "--component", "made.wasm", "--out", "odd.zip"]);
    assert_eq!((ran.code, ran.err.lines().count()), (1, 4));
    assert!(ran.err.contains("app.wasm is not a component"), "{}", ran.err);
    assert!(!folder.path().join("odd.zip").exists());
    let absent = sdk(folder.path(), &["build", "--component", "absent.wasm"]);
    assert_eq!(absent.code, 1);
    assert!(absent.err.contains("absent.wasm"), "{}", absent.err);
}

#[test]
fn the_contract_is_written_for_other_tools_and_the_authors_world_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let first = sdk(folder.path(), &["--json", "wit", "--into", "contract"]).done().json();
    assert_eq!((&first["folder"], &first["world_kept"]), (&"contract".into(), &false.into()));
    let world = folder.path().join("contract/app.wit");
    let store = folder.path().join("contract/deps/newleaf-app/store.wit");
    let known = fs::read_to_string(&store).unwrap();
    assert!(known.contains("interface store"), "{known}");
    for name in ["deps/http.wit", "deps/io.wit", "LICENSE-WASI"] {
        assert!(folder.path().join("contract").join(name).is_file(), "{name}");
    }
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(folder.path().join("contract")).unwrap();
    resolve.select_world(&[package], Some("app")).unwrap();
    fs::write(&world, "mine").unwrap();
    fs::write(&store, "old").unwrap();
    let again = sdk(folder.path(), &["--json", "wit", "--into", "contract"]).done().json();
    assert_eq!(again["world_kept"], true);
    assert_eq!(fs::read_to_string(&world).unwrap(), "mine");
    assert_eq!(fs::read_to_string(&store).unwrap(), known);
}

#[test]
fn a_folder_without_a_manifest_is_no_app() {
    let folder = tempfile::tempdir().unwrap();
    let ran = sdk(folder.path(), &["build"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("manifest.json could not be read"), "{}", ran.err);
}

/// A program called `name` that runs `script`.
fn fake_program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_missing_target_that_cannot_be_added_blocks_with_the_command_that_adds_it() {
    let parent = tempfile::tempdir().unwrap();
    let folder = new_app(parent.path());
    let programs = parent.path().join("programs");
    fs::create_dir(&programs).unwrap();
    fake_program(&programs, "rustc", "echo /nowhere/at/all");
    let without_rustup = sdk_with(&folder, &["build"], &[("PATH", &programs)]);
    assert_eq!(without_rustup.code, 3, "{without_rustup:?}");
    assert!(without_rustup.err.contains("rustup, which could add it, did not start"));

    fake_program(&programs, "rustup", "echo 'error: no network' >&2; exit 1");
    let offline = sdk_with(&folder, &["build"], &[("PATH", &programs)]);
    assert_eq!(offline.code, 3, "{offline:?}");
    assert!(offline.err.contains("rustup could not add it: error: no network"));
    assert!(offline.err.contains("what to do: run `rustup target add wasm32-wasip2`"));
}

/// The manifest of the app in `folder`, with `reuse` set.
fn ask_for_reuse(folder: &Path, requests: u32) {
    let path = folder.join("manifest.json");
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["reuse"] = requests.into();
    fs::write(&path, manifest.to_string()).unwrap();
}

#[test]
fn an_app_that_may_be_used_again_is_tried_and_passes() {
    let parent = tempfile::tempdir().unwrap();
    let folder = new_app(parent.path());
    ask_for_reuse(&folder, 64);
    build(&folder).done();
    let checked = sdk(&folder, &["--json", "check", "first.zip"]).done().json();
    assert_eq!(checked["findings"], serde_json::json!([]));
    ask_for_reuse(&folder, 1_000);
    let warned = build(&folder).done().json();
    assert_eq!(warned["findings"][0]["text"], "is 1000; hosts take it for 128");
}

#[test]
fn an_app_that_shows_one_visitor_what_another_said_is_not_packed_for_reuse() {
    let parent = tempfile::tempdir().unwrap();
    let folder = new_app(parent.path());
    let program = folder.join("src/lib.rs");
    let text = fs::read_to_string(&program).unwrap();
    let text = text
        .replace(
            "unwrap_or_else(|| \"world\".to_owned());",
            "or_else(|| LAST.lock().unwrap().clone()).unwrap_or_default();
    *LAST.lock().unwrap() = Some(name.clone());",
        )
        .replace(
            "newleaf_sdk::handle!(answer);",
            "newleaf_sdk::handle!(answer);

static LAST: std::sync::Mutex<Option<String>> = std::sync::Mutex::new(None);",
        );
    fs::write(&program, text).unwrap();
    build_in(&folder, "leaky").done();
    ask_for_reuse(&folder, 64);
    let refused = build_in(&folder, "leaky");
    assert_eq!(refused.code, 1, "{}", refused.out);
    let told = refused.out + &refused.err;
    assert!(told.contains("by an instance that has answered 2 requests"), "{told}");
}
