//! Packages of hostile apps: from their folders, and changed ones that no author's tool would make.

use std::fs::File;
use std::path::{Path, PathBuf};

use newleaf_domain::ByteSize;
use newleaf_package::{Limits, MANIFEST, PackageReader, PackageWriter};
use newleaf_tests::build::{self, target_folder};
use serde_json::Value;

/// The member that holds the component.
const COMPONENT: &str = "app.wasm";

/// The app in `tests/apps/<name>`.
pub(crate) fn of_folder(name: &str) -> PathBuf {
    build::app_package(&format!("tests/apps/{name}"))
}

/// A copy of `package` with another manifest and component.
pub(crate) fn changed(
    package: &Path,
    name: &str,
    manifest: impl FnOnce(&mut Value),
    component: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> PathBuf {
    let mut reader = PackageReader::open(File::open(package).unwrap(), Limits::app()).unwrap();
    let most = ByteSize::mib(64);
    let mut said: Value =
        serde_json::from_slice(&reader.read_member(MANIFEST, most).unwrap()).unwrap();
    manifest(&mut said);
    let said = serde_json::to_vec_pretty(&said).unwrap();
    let mut writer = PackageWriter::new(said, Limits::app()).unwrap();
    let names: Vec<_> = reader.members().iter().map(|member| member.name.to_string()).collect();
    let mut change = Some(component);
    for name in names.iter().filter(|name| *name != MANIFEST) {
        let bytes = reader.read_member(name, most).unwrap();
        let change = if name == COMPONENT { change.take() } else { None };
        let bytes = change.map_or_else(|| bytes.clone(), |change| change(bytes.clone()));
        writer.add_bytes(name, bytes).unwrap();
    }
    let out = target_folder().join("packages").join(format!("{name}.zip"));
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&out);
    writer.write(&mut file.unwrap()).unwrap();
    out
}

/// The app `name`, version 1.`minor`.0, whose program is that of `tests/apps/hostile-change`; its
/// schema is one higher than the minor version.
pub(crate) fn of_change(name: &str, minor: u32) -> PathBuf {
    let file = format!("{name}-1.{minor}.0");
    let manifest = |manifest: &mut Value| {
        manifest["id"] = format!("acme/{name}").into();
        manifest["version"] = format!("1.{minor}.0").into();
        manifest["schema"] = (minor + 1).into();
        manifest["migrates_from"] = 1.into();
        manifest["oldest_reader"] = (minor + 1).into();
    };
    changed(&of_folder("hostile-change"), &file, manifest, |component| component)
}

/// The app `name`, whose program is that of `tests/apps/hostile-hog` and whose instances may be used
/// again as often as any.
pub(crate) fn of_leaky(name: &str) -> PathBuf {
    let manifest = |manifest: &mut Value| {
        manifest["id"] = format!("acme/{name}").into();
        manifest["reuse"] = 1_000.into();
    };
    changed(&of_folder("hostile-hog"), name, manifest, |component| component)
}

/// The app `name` with the component of `hello` changed by `graft`.
pub(crate) fn of_graft(name: &str, graft: impl FnOnce(Vec<u8>) -> Vec<u8>) -> PathBuf {
    let manifest = |manifest: &mut Value| manifest["id"] = format!("acme/{name}").into();
    changed(&build::app_package("plugins/hello"), name, manifest, graft)
}
