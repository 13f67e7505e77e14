//! The overview: the state of the host in one sentence, then in rows.

use newleaf_domain::version::Step;
use newleaf_domain::{
    ByteSize, Channel, Digest, Edition, GrantChange, Grants, PackageName, Target, Timestamp,
    UpdateId, Version,
};
use newleaf_launcher::journal::StepId;
use newleaf_plan::{Candidate, LeftBehind, WaitsFor};
use newleaf_trust::TrustLevel;
use serde::{Deserialize, Serialize};

use super::{KeptData, Work};

/// The host as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// The state in one sentence: `Everything is up to date.`, `2 updates are ready.`
    pub sentence: String,
    /// What a person must read first: failures, roll backs, expiring signatures.
    pub notices: Vec<Notice>,
    /// Core.
    pub core: CoreCard,
    /// Each installed app, by name.
    pub apps: Vec<AppRow>,
    /// The update that runs.
    pub running: Option<RunningUpdate>,
    /// How fresh what we know is.
    pub freshness: Freshness,
    /// `seq` of the state.
    pub seq: u64,
}

/// Something to read first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// How bad.
    pub severity: Severity,
    /// One sentence.
    pub text: String,
    /// What to do, where something can be done.
    pub todo: Option<String>,
    /// The command for it, ready to paste.
    pub command: Option<String>,
    /// The update it tells about.
    pub update: Option<UpdateId>,
}

/// How bad a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Will become a failure.
    Warning,
    /// Failed.
    Error,
}

/// Core as it runs, and what it could become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreCard {
    /// The product's name.
    pub product: String,
    /// The version that serves.
    pub version: Version,
    /// The product's edition.
    pub edition: Edition,
    /// The newest that can be installed.
    pub offer: Option<Offer>,
    /// Every release that was looked at, newest first, with its reason.
    pub candidates: Vec<Candidate>,
    /// What *Undo* would go back to.
    pub undo: Option<UndoOffer>,
    /// The channel it follows.
    pub channel: Channel,
}

/// One installed app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRow {
    /// Its id.
    pub id: PackageName,
    /// The name people read.
    pub name: String,
    /// One sentence on what it is for.
    pub summary: String,
    /// The version that serves; none while it is not loaded.
    pub version: Option<Version>,
    /// Path below the public address, or `/` where the app has a host name of its own.
    pub path: String,
    /// The whole address that leads to it; none where it has none, or where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Whether requests are served.
    pub serving: bool,
    /// Why not, where not.
    pub stopped: Option<String>,
    /// The newest that can be installed.
    pub offer: Option<Offer>,
    /// Every release that was looked at, newest first, with its reason.
    pub candidates: Vec<Candidate>,
    /// What *Undo* would go back to.
    pub undo: Option<UndoOffer>,
    /// Why nothing can be learnt of its releases, where that is so.
    pub blocked: Option<String>,
    /// What it may do.
    #[serde(default)]
    pub grants: Grants,
    /// Whether an admin, or a way back that would have lost data, switched it off.
    #[serde(default)]
    pub disabled: bool,
    /// The installed apps that need it; while there are any it is not removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed_by: Vec<PackageName>,
    /// What a person has to choose before it serves again; none where nothing is to be chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<DataChoice>,
    /// Its jobs, and what it uses.
    #[serde(flatten)]
    pub work: Work,
}

/// An app that stopped after its update, because going back by itself would have lost data: *Undo*
/// goes back all the same, and *keep and retry* serves the new version again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataChoice {
    /// The update that could not be taken back.
    pub update: UpdateId,
    /// What went wrong, and what going back would lose.
    pub why: String,
    /// The version that is kept by *keep and retry*.
    pub keep: Version,
    /// The version that *Undo* goes back to; none where there is no way back any more.
    pub back: Option<Version>,
}

/// An app that is not installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShelfRow {
    /// Its id.
    pub id: PackageName,
    /// The name people read.
    pub name: String,
    /// One sentence on what it is for; empty where it could not be read.
    pub summary: String,
    /// Who vouches for its author.
    pub level: Option<TrustLevel>,
    /// The newest that can be installed.
    pub offer: Option<Offer>,
    /// Every release that was looked at, newest first, with its reason.
    pub candidates: Vec<Candidate>,
    /// Data that it left when it was removed, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptData>,
}

/// A release that can be installed now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Its version.
    pub version: Version,
    /// How far it is from what runs.
    pub step: Option<Step>,
    /// Length of the download.
    pub length: ByteSize,
    /// When it was published.
    pub published: Timestamp,
    /// Whether it mends faults with security impact.
    pub security: bool,
    /// Whether something stops working.
    pub breaking: bool,
    /// Whether it asks for more than the app may do today.
    pub asks_more: bool,
    /// Why it is not installed by itself, where the settings would have it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
}

/// What *Undo* goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoOffer {
    /// The version.
    pub version: Version,
    /// What of the data would be lost; none where nothing is.
    pub loses: Option<String>,
    /// Stands for what is told here: the two versions and what would be lost. A yes that names it is
    /// one to this alone. None where an older host tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<Digest>,
    /// Until when it is kept possible; afterwards what only that version needs is taken away. None
    /// where nothing ends it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What the app may do then, compared with now: the way back takes permissions back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<GrantChange>,
    /// Installed apps that the core before does not run; each is suspended with its data kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<LeftBehind>,
}

/// The update that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningUpdate {
    /// Which.
    pub id: UpdateId,
    /// What is updated.
    pub target: Target,
    /// The step it is at.
    pub step: Option<StepId>,
    /// Why it stands still: the disk refused its records. None where it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<String>,
}

/// How fresh what we know of the repository is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freshness {
    /// When the repository was last read in full.
    pub last_check: Option<Timestamp>,
    /// When it was last tried.
    pub last_try: Option<Timestamp>,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When the newest signature that everything hangs on expires.
    pub expires: Option<Timestamp>,
    /// Since when nobody looks by itself; none where the host does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_since: Option<Timestamp>,
}
