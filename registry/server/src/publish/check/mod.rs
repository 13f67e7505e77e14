//! What a role must be before it is included. Refuses with the field and the remedy; changes nothing.

mod author;
mod core_releases;
mod delegations;
mod difference;
mod every_role;
mod package;
mod root;

use newleaf_domain::{ByteSize, Digest, Namespace, PackageName, Release, Timestamp, Version};
use newleaf_registry_api::{Code, Problem};
use newleaf_trust::key::PublicKey;
use newleaf_trust::layout::{self, CORE};
use newleaf_trust::pin::TrustLevel;
use newleaf_trust::role::{RootRole, Threshold};

use super::BatchError;
use crate::db::{DbError, ReleaseRow, SubmissionRow};
use crate::registry::Registry;

/// What a checked role brings along.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Uploads that get their public names.
    pub(super) files: Vec<NewFile>,
    /// Apps' releases that are new.
    pub(super) releases: Vec<ReleaseRow>,
    /// Apps' releases of which the role says something else than before.
    pub(super) revised: Vec<(PackageName, Version, Release)>,
    /// Namespaces that the offline keys vouch for.
    pub(super) claims: Vec<Claim>,
}

/// An upload that a role lists.
#[derive(Debug, Clone)]
pub(super) struct NewFile {
    /// Its target path.
    pub(super) path: String,
    /// Its digest.
    pub(super) sha256: Digest,
    /// Its length.
    pub(super) length: ByteSize,
}

/// A namespace with the keys that the offline role names for it.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) namespace: Namespace,
    pub(super) keys: Vec<PublicKey>,
    pub(super) threshold: Threshold,
}

/// Why a role was not accepted.
#[derive(Debug)]
pub(super) enum CheckError {
    /// The role is at fault.
    Refused(Problem),
    /// The machine is; the role waits for the next batch.
    Fault(BatchError),
}

impl From<Problem> for CheckError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}
impl From<DbError> for CheckError {
    fn from(error: DbError) -> Self {
        Self::Fault(error.into())
    }
}
impl From<BatchError> for CheckError {
    fn from(error: BatchError) -> Self {
        Self::Fault(error)
    }
}

impl Registry {
    /// Checks a role by the rules of its kind.
    pub(super) async fn check(
        &self,
        submission: &SubmissionRow,
        now: Timestamp,
    ) -> Result<Checked, CheckError> {
        let role = submission.role.as_str();
        if let Some(namespace) = layout::namespace_of_role(role) {
            return author::check(self, submission, &namespace, now).await;
        }
        match role {
            "root" => root::check(self, submission, now).await,
            "targets" => delegations::check_top(self, submission, now).await,
            CORE => core_releases::check(self, submission, now).await,
            _ if layout::level_of_introducer(role) == TrustLevel::Claimed => {
                delegations::check_claimed(self, submission, now).await
            }
            _ => {
                let detail = format!("role {role} is signed by the registry itself");
                Err(Problem::new(Code::RoleRefused, detail).at("role").into())
            }
        }
    }

    /// The root that the other offline roles are judged by.
    async fn current_root(&self) -> Result<RootRole, CheckError> {
        every_role::current::<RootRole>(self, "root")
            .await?
            .ok_or_else(|| CheckError::Fault(BatchError::Incomplete { role: "root" }))
    }
}
