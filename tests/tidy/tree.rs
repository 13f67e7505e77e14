//! The files of the source tree, and cargo's view of it.

use std::path::{Path, PathBuf};

use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};
use newleaf_tests::build::source_root;

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

/// The workspace and all it is built from on this platform.
pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new()
        .current_dir(source_root())
        .features(CargoOpt::AllFeatures)
        .other_options([
            "--filter-platform".to_owned(),
            "x86_64-unknown-linux-gnu".to_owned(),
            "--offline".to_owned(),
        ])
        .exec()
        .unwrap()
}
