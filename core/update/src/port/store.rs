//! What the updater keeps across restarts: trusted files, pins, plans that were shown.

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use newleaf_domain::{PlanId, Target, Timestamp, Version};
use newleaf_plan::Plan;
use newleaf_trust::pin::Pin;
use serde::{Deserialize, Serialize};

use crate::start::Leeway;
use crate::view::RehearsalNote;

/// Durable memory. Every `put` is on disk when it returns.
#[async_trait]
pub trait Store: Send + Sync + std::fmt::Debug {
    /// The role files as last accepted, by name.
    ///
    /// # Errors
    /// The folder cannot be read.
    async fn trust_files(&self) -> Result<BTreeMap<String, Vec<u8>>, StoreError>;

    /// Keeps role files, each replaced whole, in the given order.
    ///
    /// # Errors
    /// The folder cannot be written.
    async fn put_trust_files(&self, files: Vec<(String, Vec<u8>)>) -> Result<(), StoreError>;

    /// The signers of namespaces that something was installed from.
    ///
    /// # Errors
    /// A pin cannot be read; it is never taken as absent.
    async fn pins(&self) -> Result<Vec<Pin>, StoreError>;

    /// Keeps a namespace's signer.
    ///
    /// # Errors
    /// The folder cannot be written.
    async fn put_pin(&self, pin: &Pin) -> Result<(), StoreError>;

    /// The lowest schema whose core can still run on the host's database, by the database itself:
    /// what a version took away stays away, whichever version serves. None where it does not say.
    ///
    /// # Errors
    /// The database cannot be read.
    async fn core_reader(&self) -> Result<Option<u32>, StoreError>;

    /// Whether there is anything to take away that only versions below `schema` need.
    ///
    /// # Errors
    /// The database cannot be read.
    async fn has_to_contract(&self, schema: u32) -> Result<bool, StoreError>;

    /// Takes it away, and raises what [`Store::core_reader`] gives. The version that serves goes on.
    ///
    /// # Errors
    /// The database refuses; the part that failed is undone whole.
    async fn contract(&self, schema: u32) -> Result<(), StoreError>;

    /// A plan that was shown, where it is still remembered.
    ///
    /// # Errors
    /// The folder cannot be read.
    async fn plan(&self, id: &PlanId) -> Result<Option<PlanMemo>, StoreError>;

    /// Remembers a plan, and forgets those made before `forget_before`.
    ///
    /// # Errors
    /// The folder cannot be written.
    async fn put_plan(&self, memo: &PlanMemo, forget_before: Timestamp) -> Result<(), StoreError>;

    /// What the last rehearsal of `target` came to; none where there was none, or it is forgotten.
    ///
    /// # Errors
    /// The file cannot be read.
    async fn rehearsal(&self, target: &Target) -> Result<Option<RehearsalNote>, StoreError>;

    /// Keeps it in the place of the one before of the same target.
    ///
    /// # Errors
    /// The folder cannot be written.
    async fn put_rehearsal(&self, note: &RehearsalNote) -> Result<(), StoreError>;

    /// What is known of the last look at the repository.
    ///
    /// # Errors
    /// The file cannot be read.
    async fn contact(&self) -> Result<Contact, StoreError>;

    /// Keeps it.
    ///
    /// # Errors
    /// The folder cannot be written.
    async fn put_contact(&self, contact: &Contact) -> Result<(), StoreError>;

    /// 32 random bytes made at `init`; they place this host in staged rollouts.
    ///
    /// # Errors
    /// The file cannot be read.
    async fn install_id(&self) -> Result<[u8; 32], StoreError>;
}

/// A plan with what was asked for when it was made, so that it can be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanMemo {
    /// The plan.
    pub plan: Plan,
    /// Core or the app.
    pub target: Target,
    /// The version that was named; none where the newest was asked for.
    pub version: Option<Version>,
    /// How far the yes to it reaches, once it was given; for the hops that follow the first.
    #[serde(default)]
    pub leeway: Leeway,
}

/// The last looks at the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// When it was last read in full.
    pub last_check: Option<Timestamp>,
    /// When it was last tried.
    pub last_try: Option<Timestamp>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When the newest signature that everything hangs on expires.
    pub expires: Option<Timestamp>,
    /// Since when the settings say that nobody looks by itself.
    #[serde(default)]
    pub off_since: Option<Timestamp>,
}

/// Why something could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("{} could not be {doing}", path.display())]
    Io {
        /// `read`, `written`, …
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The file is there and says nothing that can be understood.
    #[error("{} is damaged: {detail}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}
