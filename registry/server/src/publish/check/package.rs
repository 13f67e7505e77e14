//! Opens a package as a host will, and holds it against what its role says of it. Reads the file;
//! knows nothing of accounts or history.

use std::fs::File;
use std::path::Path;

use newleaf_domain::{AbiVersion, Digest, Manifest, ReleasePath, digest::DigestWriter};
use newleaf_package::{Limits, ManifestMember, PackageError, PackageReader};
use newleaf_registry_api::{Code, Problem};
use newleaf_trust::role::TargetRecord;
use serde_json::Value;

use super::difference::first_difference;
use super::every_role::at;

/// A package as its role describes it.
#[derive(Debug, Clone)]
pub(super) struct Described {
    /// Its target path, parsed.
    pub(super) release: ReleasePath,
    /// The role's `custom.manifest`.
    pub(super) manifest: Value,
}

impl Described {
    /// The package of `release` as `record` describes it.
    pub(super) fn new(release: ReleasePath, record: &TargetRecord) -> Self {
        Self { release, manifest: record.custom["manifest"].clone() }
    }
}

/// Why a package was not accepted.
#[derive(Debug)]
pub(super) enum PackageFault {
    /// The package is at fault.
    Refused(Box<Problem>),
    /// The disk is.
    Io(std::io::Error),
}

/// Reads the package at `file` from end to end.
///
/// # Errors
/// It breaks the format, or differs from what the role says, named by field.
pub(super) fn check(file: &Path, described: &Described) -> Result<ManifestMember, PackageFault> {
    let limits = Limits::of(&described.release.target());
    let file = File::open(file).map_err(PackageFault::Io)?;
    let faulty = |error| unreadable(&described.release, error);
    let mut package = PackageReader::open(file, limits).map_err(faulty)?;
    package.check_contents().map_err(faulty)?;
    let manifest = package.manifest().map_err(faulty)?;
    check_identity(&manifest.manifest, &described.release)?;
    check_signed_form(&manifest, described)?;
    match &described.release {
        ReleasePath::App { .. } => check_app(&package, &manifest.manifest, &described.release)?,
        ReleasePath::Core { .. } => {
            check_core(&mut package, &manifest.manifest, &described.release)?;
        }
    }
    Ok(manifest)
}

fn refused(release: &ReleasePath, below: &str, detail: String) -> PackageFault {
    let problem = Problem::new(Code::PackageRefused, detail).at(at(&release.to_string(), below));
    PackageFault::Refused(Box::new(problem))
}

fn unreadable(release: &ReleasePath, error: PackageError) -> PackageFault {
    if error.is_machine_fault() {
        return PackageFault::Io(std::io::Error::other(error));
    }
    let hint = error.hint();
    let problem = Problem::new(Code::PackageRefused, crate::log::chain(&error))
        .at(at(&release.to_string(), ""))
        .hint(hint);
    PackageFault::Refused(Box::new(problem))
}

fn check_identity(manifest: &Manifest, release: &ReleasePath) -> Result<(), PackageFault> {
    if manifest.id != release.target() {
        let detail = format!(
            "manifest.json says id {}, but the path says {}",
            manifest.id,
            release.target()
        );
        return Err(refused(release, ".custom.manifest.id", detail));
    }
    if manifest.version != *release.version() {
        let (inside, outside) = (&manifest.version, release.version());
        let detail = format!("manifest.json says version {inside}, but the path says {outside}");
        return Err(refused(release, ".custom.manifest.version", detail));
    }
    Ok(())
}

fn check_signed_form(inside: &ManifestMember, described: &Described) -> Result<(), PackageFault> {
    let release = &described.release;
    let signed = Manifest::signed_form(&inside.bytes)
        .map_err(|error| refused(release, ".custom.manifest", crate::log::chain(&error)))?;
    let Some(place) = first_difference(&signed, &described.manifest) else { return Ok(()) };
    let detail = format!("manifest.json and the role differ at {}", place.trim_start_matches('.'));
    Err(refused(release, &format!(".custom.manifest{place}"), detail))
}

fn check_app<R: std::io::Read + std::io::Seek>(
    package: &PackageReader<R>,
    manifest: &Manifest,
    release: &ReleasePath,
) -> Result<(), PackageFault> {
    if package.member("app.wasm").is_none() {
        return Err(refused(release, "", "the package has no app.wasm".to_owned()));
    }
    let known = AbiVersion::current();
    match &manifest.abi {
        Some(abi) if known.runs(abi) => Ok(()),
        Some(abi) => {
            let detail = format!("abi is {abi}, but hosts of this registry speak {known} at most");
            Err(refused(release, ".custom.manifest.abi", detail))
        }
        None => Err(refused(release, ".custom.manifest.abi", "abi is missing".to_owned())),
    }
}

fn check_core<R: std::io::Read + std::io::Seek>(
    package: &mut PackageReader<R>,
    manifest: &Manifest,
    release: &ReleasePath,
) -> Result<(), PackageFault> {
    if let ReleasePath::Core { edition, .. } = release
        && manifest.edition.as_ref().is_some_and(|own| own != edition)
    {
        let detail = format!("manifest.json is not of edition {edition}");
        return Err(refused(release, ".custom.manifest.edition", detail));
    }
    let Some(binary) = &manifest.binary else {
        return Err(refused(release, ".custom.manifest.binary", "binary is missing".to_owned()));
    };
    let mut digest = Hashing(DigestWriter::default());
    let member = format!("bin/{}", binary.name);
    let length =
        package.copy_member(&member, &mut digest).map_err(|error| unreadable(release, error))?;
    let found = digest.0.finish();
    check_binary(release, (binary.sha256, found), binary.length == length)
}

fn check_binary(
    release: &ReleasePath,
    (said, found): (Digest, Digest),
    has_length: bool,
) -> Result<(), PackageFault> {
    if said == found && has_length {
        return Ok(());
    }
    let detail = format!("binary has SHA-256 {found}, but manifest.json says {said}");
    Err(refused(release, ".custom.manifest.binary", detail))
}

/// Takes bytes for their digest alone.
struct Hashing(DigestWriter);

impl std::io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
