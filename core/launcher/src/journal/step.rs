//! The steps of an update, in the order they run.

use newleaf_domain::Target;
use serde::{Deserialize, Serialize};

/// One step. A step can run twice: what it finds done it does not do again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepId {
    /// Measures the prerequisites.
    Check,
    /// Downloads the package.
    Fetch,
    /// Compares length, digest and manifest with what was signed.
    Verify,
    /// Unpacks into a slot, durably.
    Stage,
    /// Runs the same change on a copy of the data.
    Rehearse,
    /// Compiles what will run, before anything waits for it.
    Prewarm,
    /// Core: extends the schema while the old version serves.
    Expand,
    /// App: parks new requests and lets running ones finish.
    Hold,
    /// App: copies the data as it was.
    Snapshot,
    /// App: migrates the data.
    Migrate,
    /// App: asks the new version for its health, still held.
    Health,
    /// Switches to the new version. Core: starts it on trial.
    Activate,
    /// Core: asks the new version on its private socket.
    Probe,
    /// App: lets the parked requests go on.
    Release,
    /// Watches the new version for its probation, then makes it good.
    Commit,
    /// Goes back to the version before.
    Rollback,
}

/// What a person can still do while a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undoable {
    /// Nothing has changed yet.
    NothingChanged,
    /// Changed, and can be undone.
    CanBeUndone,
}

impl StepId {
    /// Every step.
    pub const ALL: [Self; 16] = [
        Self::Check,
        Self::Fetch,
        Self::Verify,
        Self::Stage,
        Self::Rehearse,
        Self::Prewarm,
        Self::Expand,
        Self::Hold,
        Self::Snapshot,
        Self::Migrate,
        Self::Health,
        Self::Activate,
        Self::Probe,
        Self::Release,
        Self::Commit,
        Self::Rollback,
    ];

    /// The steps of a good update of core.
    pub const CORE: [Self; 10] = [
        Self::Check,
        Self::Fetch,
        Self::Verify,
        Self::Stage,
        Self::Rehearse,
        Self::Prewarm,
        Self::Expand,
        Self::Activate,
        Self::Probe,
        Self::Commit,
    ];

    /// The steps of a good update of an app.
    pub const APP: [Self; 13] = [
        Self::Check,
        Self::Fetch,
        Self::Verify,
        Self::Stage,
        Self::Rehearse,
        Self::Prewarm,
        Self::Hold,
        Self::Snapshot,
        Self::Migrate,
        Self::Health,
        Self::Activate,
        Self::Release,
        Self::Commit,
    ];

    /// The steps of a good update of `target`.
    pub const fn of(target: &Target) -> &'static [Self] {
        match target {
            Target::Core => &Self::CORE,
            Target::App(_) => &Self::APP,
        }
    }

    /// The step's name, as in the journal.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Fetch => "fetch",
            Self::Verify => "verify",
            Self::Stage => "stage",
            Self::Rehearse => "rehearse",
            Self::Prewarm => "prewarm",
            Self::Expand => "expand",
            Self::Hold => "hold",
            Self::Snapshot => "snapshot",
            Self::Migrate => "migrate",
            Self::Health => "health",
            Self::Activate => "activate",
            Self::Probe => "probe",
            Self::Release => "release",
            Self::Commit => "commit",
            Self::Rollback => "rollback",
        }
    }

    /// The step as people read it in the portal and the command line.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Check => "Check prerequisites",
            Self::Fetch => "Download",
            Self::Verify => "Verify signature and digest",
            Self::Stage => "Unpack beside the running version",
            Self::Rehearse => "Rehearse on a copy of the data",
            Self::Prewarm => "Compile ahead",
            Self::Expand => "Extend the database",
            Self::Hold => "Hold new requests",
            Self::Snapshot => "Take a snapshot",
            Self::Migrate => "Migrate the data",
            Self::Health => "Ask the new version for its health",
            Self::Activate => "Switch to the new version",
            Self::Probe => "Probe the new version",
            Self::Release => "Let requests go on",
            Self::Commit => "Watch, then commit",
            Self::Rollback => "Go back",
        }
    }

    /// What can still be said while this step runs.
    pub const fn undoable(self) -> Undoable {
        match self {
            Self::Check
            | Self::Fetch
            | Self::Verify
            | Self::Stage
            | Self::Rehearse
            | Self::Prewarm => Undoable::NothingChanged,
            Self::Expand
            | Self::Hold
            | Self::Snapshot
            | Self::Migrate
            | Self::Health
            | Self::Activate
            | Self::Probe
            | Self::Release
            | Self::Commit
            | Self::Rollback => Undoable::CanBeUndone,
        }
    }
}

impl std::fmt::Display for StepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
