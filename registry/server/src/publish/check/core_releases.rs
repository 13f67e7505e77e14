//! The `core` role: the product's own binaries, signed offline. Its files are brought by a command
//! on this machine, never over HTTP.

use newleaf_domain::{ByteSize, Edition, Platform, Release, ReleasePath, Timestamp, Version};
use newleaf_registry_api::{Code, FileKind, Problem};
use newleaf_trust::layout::{CORE, Lifetime};
use newleaf_trust::role::{TargetRecord, TargetsRole};
use serde::Deserialize as _;

use super::author::{check_description, read_package};
use super::every_role::{at, current, new_file, refused_at, verified};
use super::package::Described;
use super::{CheckError, Checked, delegations};
use crate::db::SubmissionRow;
use crate::registry::Registry;

/// The most a core package may have.
const PACKAGE: ByteSize = ByteSize::mib(512);

/// A file of a core release: `core/<edition>/<version>/<file>`.
#[derive(Debug, PartialEq, Eq)]
enum CoreFile {
    /// `<platform>.zip`
    Package(ReleasePath),
    /// `<platform>.json`: the manifest inside the package of that platform.
    Manifest(ReleasePath),
    /// `CHANGELOG.md`, `README.md` or `icon.svg`.
    Text(FileKind),
}

impl CoreFile {
    fn parse(path: &str) -> Result<Self, Problem> {
        let foreign = || {
            refused_at(path, "", format!("{path} is no file of a core release"))
                .hint("core/<edition>/<version>/ and <platform>.zip, <platform>.json, CHANGELOG.md, README.md or icon.svg")
        };
        let ["core", edition, version, file] = path.split('/').collect::<Vec<_>>()[..] else {
            return Err(foreign());
        };
        let edition = Edition::parse(edition).map_err(|_| foreign())?;
        let version = Version::parse(version).map_err(|_| foreign())?;
        let texts = [FileKind::Readme, FileKind::Changelog, FileKind::Icon];
        if let Some(kind) = texts.into_iter().find(|kind| kind.file_name("") == file) {
            return Ok(Self::Text(kind));
        }
        let (platform, ending) = file.rsplit_once('.').ok_or_else(foreign)?;
        let platform = Platform::parse(platform).map_err(|_| foreign())?;
        let release = ReleasePath::Core { edition, version, platform };
        match ending {
            "zip" => Ok(Self::Package(release)),
            "json" => Ok(Self::Manifest(release)),
            _ => Err(foreign()),
        }
    }

    const fn limit(&self) -> ByteSize {
        match self {
            Self::Package(_) => PACKAGE,
            Self::Manifest(_) => FileKind::Manifest.limit(),
            Self::Text(kind) => kind.limit(),
        }
    }
}

/// Checks a role of the release keys.
pub(super) async fn check(
    registry: &Registry,
    submission: &SubmissionRow,
    now: Timestamp,
) -> Result<Checked, CheckError> {
    let authority = delegations::authority_of(registry, CORE).await?;
    let role = verified::<TargetsRole>(submission, &authority, Lifetime::OFFLINE, now)?;
    let old = current::<TargetsRole>(registry, CORE).await?;
    let mut checked = Checked::default();
    for (path, record) in &role.targets {
        let file = CoreFile::parse(path)?;
        let new = new_file(registry, path, record, file.limit()).await?;
        if let CoreFile::Package(release) = file {
            Release::deserialize(&record.custom["release"])
                .map_err(|error| refused_at(path, ".custom.release", error.to_string()))?;
            let described = Described::new(release, record);
            match &new {
                Some(new) => {
                    let package = registry.objects.path(new.sha256);
                    let inside = read_package(package, described).await?;
                    check_manifest_beside(&role, path, &inside.bytes)?;
                }
                None => check_description(registry, old.as_ref(), record, described).await?,
            }
        }
        checked.files.extend(new);
    }
    Ok(checked)
}

/// The `<platform>.json` beside a package is the manifest inside it.
fn check_manifest_beside(role: &TargetsRole, path: &str, inside: &[u8]) -> Result<(), Problem> {
    let beside = format!("{}.json", path.trim_end_matches(".zip"));
    let inside = TargetRecord::of(inside);
    let listed = role.targets.get(&beside);
    if listed.is_some_and(|listed| listed.hashes.get("sha256") == inside.hashes.get("sha256")) {
        return Ok(());
    }
    let detail = format!("{beside} is not the manifest inside the package, or is not listed");
    Err(Problem::new(Code::PackageRefused, detail).at(at(&beside, ".hashes.sha256")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_a_core_release_are_known() {
        let path = "core/community/1.1.0/x86_64-linux-gnu";
        assert!(matches!(CoreFile::parse(&format!("{path}.zip")), Ok(CoreFile::Package(_))));
        assert!(matches!(CoreFile::parse(&format!("{path}.json")), Ok(CoreFile::Manifest(_))));
        let text = CoreFile::parse("core/community/1.1.0/CHANGELOG.md").unwrap();
        assert_eq!(text, CoreFile::Text(FileKind::Changelog));
        for bad in
            ["core/community/1.1.0/x.exe", "core/1.1.0/a-b.zip", "apps/acme/notes/1.0.0/notes.zip"]
        {
            assert!(CoreFile::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
