//! Packs a core release: a binary, a manifest and its texts in, `<platform>.zip` out.
//!
//! Signs nothing and needs no key. The manifest's `binary` record is written here from the file
//! itself, so that it cannot say something else.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use newleaf_domain::digest::DigestWriter;
use newleaf_domain::{BinaryRecord, ByteSize};
use newleaf_package::{Limits, PackageWriter, Written};
use serde_json::Value;

use crate::core_sign::place;
use crate::error::KeysError;
use crate::folder::io;

/// What a core package is made of.
#[derive(Debug, Clone)]
pub struct CoreParts {
    /// `manifest.json` without its `binary` record.
    pub manifest: PathBuf,
    /// The program.
    pub binary: PathBuf,
    /// Its name below `bin/`, the same in every release of a product.
    pub name: String,
    /// `CHANGELOG.md`, where there is one.
    pub changelog: Option<PathBuf>,
}

/// Writes the package to `out`, which must be called `<platform>.zip` and must not exist.
///
/// # Errors
/// A part cannot be read, the manifest is not one of core, or `out` exists or has another name.
pub fn core_pack(parts: &CoreParts, out: &Path) -> Result<Written, KeysError> {
    let manifest = with_record(parts)?;
    let failed = |source| KeysError::Pack { path: out.to_owned(), source };
    let mut writer = PackageWriter::new(manifest.clone(), Limits::core()).map_err(failed)?;
    let parsed = newleaf_domain::Manifest::parse(&manifest)
        .map_err(|source| KeysError::Manifest { path: parts.manifest.clone(), source })?;
    place(out, &parsed)?;
    writer.add_file(&format!("bin/{}", parts.name), &parts.binary).map_err(failed)?;
    if let Some(changelog) = &parts.changelog {
        writer.add_file("CHANGELOG.md", changelog).map_err(failed)?;
    }
    let mut file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(out)
        .map_err(io("create", out))?;
    let written = write(&writer, &mut file, out);
    if written.is_err() {
        fs::remove_file(out).map_err(io("remove", out))?;
    }
    written
}

fn write(writer: &PackageWriter, file: &mut File, out: &Path) -> Result<Written, KeysError> {
    let written =
        writer.write(file).map_err(|source| KeysError::Pack { path: out.to_owned(), source })?;
    file.sync_all().map_err(io("write", out))?;
    Ok(written)
}

/// The manifest's bytes with the record of the binary put in.
fn with_record(parts: &CoreParts) -> Result<Vec<u8>, KeysError> {
    let bytes = fs::read(&parts.manifest).map_err(io("read", &parts.manifest))?;
    let form = |source| KeysError::ManifestForm { path: parts.manifest.clone(), source };
    let mut manifest: Value = serde_json::from_slice(&bytes).map_err(form)?;
    let record = serde_json::to_value(record(parts)?).map_err(form)?;
    if let Some(object) = manifest.as_object_mut() {
        object.insert("binary".to_owned(), record);
    }
    serde_json::to_vec_pretty(&manifest).map_err(form)
}

fn record(parts: &CoreParts) -> Result<BinaryRecord, KeysError> {
    let mut file = File::open(&parts.binary).map_err(io("read", &parts.binary))?;
    let mut digest = Measured(DigestWriter::default());
    std::io::copy(&mut file, &mut digest).map_err(io("read", &parts.binary))?;
    let length = ByteSize::bytes(digest.0.length());
    Ok(BinaryRecord { name: parts.name.clone(), length, sha256: digest.0.finish() })
}

/// A digest as a place to copy to.
struct Measured(DigestWriter);

impl std::io::Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use newleaf_domain::Digest;
    use newleaf_package::PackageReader;

    use super::*;

    fn parts(folder: &Path, id: &str) -> CoreParts {
        let manifest = folder.join("manifest.json");
        fs::write(&manifest, format!(r#"{{"id":"{id}","version":"1.1.0","name":"Product"}}"#))
            .unwrap();
        let binary = folder.join("product");
        fs::write(&binary, b"\x7fELF, as it were").unwrap();
        CoreParts { manifest, binary, name: "product".to_owned(), changelog: None }
    }

    #[test]
    fn a_package_records_the_binary_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("x86_64-linux-gnu.zip");
        core_pack(&parts(folder.path(), "core"), &out).unwrap();
        let mut package = PackageReader::open(File::open(&out).unwrap(), Limits::core()).unwrap();
        let record = package.manifest().unwrap().manifest.binary.unwrap();
        assert_eq!(record.sha256, Digest::of(b"\x7fELF, as it were"));
        assert_eq!(record.length, ByteSize::bytes(16));
    }

    #[test]
    fn an_app_is_not_packed_as_core() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("x86_64-linux-gnu.zip");
        let error = core_pack(&parts(folder.path(), "acme/notes"), &out).unwrap_err();
        assert!(matches!(error, KeysError::NotCore { .. }), "{error}");
        assert!(!out.exists());
    }
}
