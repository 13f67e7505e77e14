//! A release as its signed role lists it, read once: the planner's only view of `newleaf-trust`.

use newleaf_domain::{ByteSize, Digest, Manifest, Release, ReleasePath, Target};
use newleaf_trust::pin::TrustLevel;
use newleaf_trust::role::TargetFile;
use newleaf_trust::{Targets, Verified};

/// One release of the target that is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Listing {
    pub(crate) path: ReleasePath,
    pub(crate) digest: Digest,
    pub(crate) length: ByteSize,
    /// How its author came to be trusted; none for core.
    pub(crate) level: Option<TrustLevel>,
    /// Why the registry or the author took it back, where one did.
    pub(crate) withdrawn: Option<String>,
    /// What it says of itself, or why that is not understood.
    pub(crate) described: Result<Described, String>,
}

/// What a release says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) manifest: Manifest,
    pub(crate) release: Release,
}

/// Every release of `target`, in no order.
pub(crate) fn listings(targets: &Verified<Targets>, target: &Target) -> Vec<Listing> {
    targets
        .releases(target)
        .map(|(path, file)| Listing {
            digest: file.sha256,
            length: file.length,
            level: target.app().map(|_| file.signer.level),
            withdrawn: targets.advisories_about(file).next().map(|it| it.reason.clone()),
            described: describe(&path, file),
            path,
        })
        .collect()
}

/// The signed description, which must be about the release under whose path it stands.
fn describe(path: &ReleasePath, file: &TargetFile) -> Result<Described, String> {
    let manifest = file.manifest().map_err(|error| error.to_string())?;
    let release = file.release().map_err(|error| error.to_string())?;
    if manifest.id != path.target() {
        return Err(format!("it describes {}", manifest.id));
    }
    if manifest.version != *path.version() {
        return Err(format!("it describes version {}", manifest.version));
    }
    Ok(Described { manifest, release })
}
