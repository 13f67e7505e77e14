//! What has been proved of a package so far, as types: each step takes one and gives the next.
//!
//! `Listed` → `Fetched` → `VerifiedArtifact` → `Staged`. The constructors are private to the crate,
//! so that a package cannot be unpacked that was not verified, nor switched to that is not staged.

use newleaf_domain::{Manifest, Target};
use newleaf_plan::Change;
use newleaf_trust::Pin;
use newleaf_trust::role::TargetFile;

use crate::port::{Inspected, Measured, SlotRef};

/// A release that is signed for: the plan's change with the signed file behind it, and the signer of
/// its namespace, all three of the view the plan was approved on.
#[derive(Debug, Clone)]
pub struct Listed {
    change: Box<Change>,
    file: TargetFile,
    signer: Option<Pin>,
}

/// Its package is on disk, complete; nothing is known of its bytes.
#[derive(Debug, Clone)]
pub struct Fetched {
    listed: Listed,
}

/// Its bytes are those that were signed, and its manifest says what was signed.
#[derive(Debug, Clone)]
pub struct VerifiedArtifact {
    listed: Listed,
    manifest: Manifest,
    measured: Measured,
    inspected: Inspected,
}

/// It is unpacked in a slot, durably.
#[derive(Debug, Clone)]
pub struct Staged {
    artifact: VerifiedArtifact,
    slot: SlotRef,
}

impl Listed {
    pub(crate) fn new(change: Change, file: TargetFile, signer: Option<Pin>) -> Self {
        Self { change: Box::new(change), file, signer }
    }

    /// The plan's change.
    pub const fn change(&self) -> &Change {
        &self.change
    }

    /// The file as signed.
    pub const fn file(&self) -> &TargetFile {
        &self.file
    }

    /// The signer of its namespace, to be pinned at the first install; none for core.
    pub const fn signer(&self) -> Option<&Pin> {
        self.signer.as_ref()
    }

    /// The slot it belongs in.
    pub fn slot(&self) -> SlotRef {
        let folder = format!("{}-{}", self.change.digest.short(), self.change.to);
        SlotRef { target: self.change.target.clone(), folder }
    }
}

impl Fetched {
    pub(crate) const fn new(listed: Listed) -> Self {
        Self { listed }
    }

    /// The release.
    pub const fn listed(&self) -> &Listed {
        &self.listed
    }
}

impl VerifiedArtifact {
    pub(crate) fn new(
        fetched: Fetched,
        manifest: Manifest,
        measured: Measured,
        inspected: Inspected,
    ) -> Self {
        Self { listed: fetched.listed, manifest, measured, inspected }
    }

    /// The release.
    pub const fn listed(&self) -> &Listed {
        &self.listed
    }

    /// Core or the app.
    pub const fn target(&self) -> &Target {
        &self.listed.change.target
    }

    /// Its manifest, with the texts.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its file as it was when it was verified; whoever unpacks it hashes what it reads again.
    pub const fn measured(&self) -> Measured {
        self.measured
    }

    /// Its framing.
    pub const fn inspected(&self) -> &Inspected {
        &self.inspected
    }
}

impl Staged {
    pub(crate) const fn new(artifact: VerifiedArtifact, slot: SlotRef) -> Self {
        Self { artifact, slot }
    }

    /// The package.
    pub const fn artifact(&self) -> &VerifiedArtifact {
        &self.artifact
    }

    /// The slot on disk.
    pub const fn slot(&self) -> &SlotRef {
        &self.slot
    }
}
