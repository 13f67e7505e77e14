//! The files of the source tree, and cargo's view of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cargo_metadata::{MetadataCommand, Package};
use newleaf_tests::build::source_root;
use newleaf_tests::process::Ran;

/// Every file below the source root whose name ends in `ending`, build output left out.
pub(crate) fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(source_root(), ending, &mut found);
    assert!(!found.is_empty(), "no file ends in {ending}");
    found.sort();
    found
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                collect(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

/// The path below the source root, for messages.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(source_root()).unwrap().display().to_string()
}

/// The members of the workspace, as their manifests describe them.
pub(crate) fn members() -> Vec<Package> {
    let metadata = MetadataCommand::new()
        .current_dir(source_root())
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec();
    metadata.unwrap().packages
}

/// Where cargo keeps the sources of the crate `name`.
pub(crate) fn package_folder(name: &str) -> PathBuf {
    let metadata = MetadataCommand::new()
        .current_dir(source_root())
        .other_options(
            ["--offline", "--filter-platform", "x86_64-unknown-linux-gnu"].map(String::from),
        )
        .exec();
    let package = metadata.unwrap().packages.into_iter().find(|it| it.name.as_str() == name);
    package.unwrap().manifest_path.parent().unwrap().into()
}

/// A crate that is really built here, from a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Built {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: String,
}

/// Every crate that the workspace is built from on this platform, tests included. Asked of `cargo
/// tree`, because `cargo metadata` also lists what a weak feature would bring and does not.
pub(crate) fn built() -> BTreeSet<Built> {
    let mut command = newleaf_tests::build::cargo();
    command.args([
        "tree",
        "--workspace",
        "--edges",
        "normal,build,dev",
        "--prefix",
        "none",
        "--offline",
    ]);
    command.args(["--target", "x86_64-unknown-linux-gnu", "--format", "{p}|{l}"]);
    let said = Ran::ok(&mut command).stdout;
    let crates = said.lines().filter_map(|line| {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?.to_owned(), words.next()?.to_owned());
        let ours = package.contains('/');
        (!ours).then(|| Built { name, version, licence: licence.to_owned() })
    });
    let crates = crates.collect::<BTreeSet<_>>();
    assert!(crates.len() > 100, "cargo tree was not understood:\n{said}");
    crates
}
