//! The forms that a choice takes: a plan an admin approves, and a verdict on every candidate.

use newleaf_domain::version::Step;
use newleaf_domain::{
    AbiVersion, ByteSize, Channel, Digest, Edition, GrantChange, Grants, PackageName, PlanId,
    Platform, Target, Timestamp, Version, VersionReq,
};
use newleaf_trust::pin::TrustLevel;
use serde::{Deserialize, Serialize};

/// The pinned list of changes that an admin approves. Carried out exactly so, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// SHA-256 of the canonical form of all other fields but `created`.
    pub id: PlanId,
    /// When it was made; a plan is refused a day later.
    pub created: Timestamp,
    /// `seq` of the state it starts from; any change of state makes the plan old.
    pub seq: u64,
    /// What changes, in order. Several changes of one target are the hops of its way: each is an
    /// update of its own, and the next begins only once the one before has proved itself.
    pub changes: Vec<Change>,
}

impl Plan {
    /// The change that the plan is for; those before it only lead there.
    pub fn goal(&self) -> Option<&Change> {
        self.changes.last()
    }
}

/// One release that takes the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Core or the app.
    pub target: Target,
    /// The version that serves now; none at a first install.
    pub from: Option<Version>,
    /// The version to come.
    pub to: Version,
    /// Why it is part of the plan.
    #[serde(default)]
    pub because: Because,
    /// How far apart they are; none at a first install.
    pub step: Option<Step>,
    /// Where the package stands below `targets/`, before its digest is put in.
    pub path: String,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// Length of the package.
    pub length: ByteSize,
    /// Its channel.
    pub channel: Channel,
    /// When it was published.
    pub published: Timestamp,
    /// How its author came to be trusted; none for core.
    pub level: Option<TrustLevel>,
    /// Schema of the data before, and after; a first install has none before, and 0 stands for it.
    pub schema: (u32, u32),
    /// What each migration of the data does, in the author's sentences; none where nothing migrates.
    #[serde(default)]
    pub migrations: Vec<String>,
    /// The schema that the new program writes by itself; below the data's where it is the older.
    #[serde(default)]
    pub writes: u32,
    /// The lowest schema whose program still runs correctly on data the new version wrote.
    pub oldest_reader: u32,
    /// What the app may do from then on.
    pub grants: Grants,
    /// How that differs from today. The reasons are digests here; the display manifest has the texts.
    pub grant_changes: Vec<GrantChange>,
    /// What stops working, in the author's sentences.
    pub breaking: Vec<String>,
    /// What faults with security impact it mends.
    pub security: Vec<String>,
}

impl Change {
    /// Whether data that is there is brought to another schema. A first install has none.
    pub const fn migrates(&self) -> bool {
        self.from.is_some() && self.schema.0 != self.schema.1
    }

    /// Whether an admin must say yes to wider grants before it runs.
    pub fn needs_consent(&self) -> bool {
        self.grant_changes.iter().any(|change| change.widens)
    }

    /// Whether an older version takes the place of a newer one.
    pub fn is_downgrade(&self) -> bool {
        self.from.as_ref().is_some_and(|from| self.to < *from)
    }
}

/// Why a change is part of its plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Because {
    /// It is what the plan is for.
    #[default]
    Goal,
    /// Its maker says that no older version may pass it over.
    SteppingStone,
    /// The version after it cannot be reached from the one before it.
    Bridge {
        /// The version after it.
        next: Box<Version>,
        /// Why not.
        reason: Box<Reason>,
    },
}

/// A sentence part, such as `2.0.0 reads data of schema 3 and up, the data is 1`.
impl std::fmt::Display for Because {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Goal => f.write_str("what this plan is for"),
            Self::SteppingStone => {
                f.write_str("a stepping stone: no older version may pass it over")
            }
            Self::Bridge { next, reason } => write!(f, "on the way: {next} {reason}"),
        }
    }
}

/// A release that was looked at, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// What it is a release of.
    pub target: Target,
    /// Its version.
    pub version: Version,
    /// Its channel.
    pub channel: Channel,
    /// When it was published.
    pub published: Timestamp,
    /// Length of the package.
    pub length: ByteSize,
    /// SHA-256 of the package.
    pub digest: Digest,
    /// How far it is from the installed version; none where nothing is installed.
    pub step: Option<Step>,
    /// Whether it names security faults it mends.
    pub security: bool,
    /// Whether it names breaking changes.
    pub breaking: bool,
    /// How it stands to what runs.
    #[serde(default)]
    pub age: Age,
    /// Whether no older version may pass it over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stepping_stone: bool,
    /// The releases that are installed before it, in order, where it can be installed at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<Version>,
    /// Whether it can be installed; the reason where not.
    pub verdict: Verdict,
}

impl Candidate {
    /// Whether a plan for exactly this version can be made.
    pub const fn can_be_planned(&self) -> bool {
        match self.verdict {
            Verdict::Best | Verdict::Possible | Verdict::OnRequest { .. } => true,
            Verdict::Refused { .. } => false,
        }
    }

    /// Why it is not offered, where it is not.
    pub const fn reason(&self) -> Option<&Reason> {
        match &self.verdict {
            Verdict::OnRequest { reason } | Verdict::Refused { reason } => Some(reason),
            Verdict::Best | Verdict::Possible => None,
        }
    }
}

/// How a release stands to the installed version.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Age {
    /// Newer, or nothing is installed.
    #[default]
    Newer,
    /// It is what runs.
    Same,
    /// Older.
    Older,
}

/// Whether a candidate can be installed here and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Verdict {
    /// It can be, and it is the newest that can.
    Best,
    /// It can be, when asked for by its version.
    Possible,
    /// It is not offered, and can be installed by whoever asks for it by its version all the same.
    OnRequest {
        /// Why it is not offered.
        reason: Reason,
    },
    /// It cannot.
    Refused {
        /// Why; its `Display` is a sentence part with both values.
        reason: Reason,
    },
}

/// Why a candidate is not offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Reason {
    /// It is what runs.
    #[error("already installed")]
    Installed,
    /// It is older than what runs.
    #[error("older than the installed {installed}")]
    Older {
        /// What runs.
        installed: Version,
    },
    /// Built for another platform.
    #[error("built for {wanted}, this is {have}")]
    Platform {
        /// What it is for.
        wanted: Platform,
        /// What this is.
        have: Platform,
    },
    /// Of another edition.
    #[error("of the edition {wanted}, this is {have}")]
    Edition {
        /// What it is of.
        wanted: Edition,
        /// What this is.
        have: Edition,
    },
    /// Made for other cores.
    #[error("needs core {wanted}, this is {have}")]
    CoreRange {
        /// What it needs.
        wanted: VersionReq,
        /// What runs.
        have: Version,
    },
    /// Made for another contract.
    #[error("needs app contract {wanted}, this core speaks {have}")]
    Abi {
        /// What it needs.
        wanted: AbiVersion,
        /// What this core speaks.
        have: AbiVersion,
    },
    /// Failed here before.
    #[error("failed on this host before: {reason}")]
    Bad {
        /// How.
        reason: String,
    },
    /// Taken back by its author or the registry.
    #[error("yanked: {reason}")]
    Yanked {
        /// Why.
        reason: String,
    },
    /// Less finished than what this host follows.
    #[error("on the {wanted} channel, this host follows {have}")]
    Channel {
        /// Its channel.
        wanted: Channel,
        /// What the host follows.
        have: Channel,
    },
    /// Not yet offered to this host.
    #[error("offered to {percent} % of hosts so far, and not yet to this one")]
    Rollout {
        /// How many.
        percent: u8,
    },
    /// It cannot read the data as it is.
    #[error("reads data of schema {reads} and up, the data is {have}")]
    DataTooOld {
        /// The oldest schema it migrates from.
        reads: u32,
        /// The schema of the data.
        have: u32,
    },
    /// The data was written by a version whose data it cannot run on.
    #[error("writes schema {writes}, the data needs a program of {needs} or newer")]
    DataTooNew {
        /// The schema it writes.
        writes: u32,
        /// The lowest schema that can read the data.
        needs: u32,
    },
    /// An older release has to be installed before it.
    #[error("{through} must be installed first")]
    SteppingStone {
        /// The release to go through.
        through: Version,
    },
    /// An admin of this host refused it.
    #[error("refused on this host by an admin")]
    Skipped,
    /// It needs another app that is not there, or not in a version that it can use.
    #[error("needs {app} {wanted}, {}", having(have.as_deref()))]
    Needs {
        /// The other app.
        app: PackageName,
        /// The versions it can use.
        wanted: Box<VersionReq>,
        /// What is installed of it.
        have: Option<Box<Version>>,
    },
    /// Another app that is installed could not use it.
    #[error("{app} needs {wanted} of it")]
    NeededBy {
        /// The other app.
        app: PackageName,
        /// The versions that app can use.
        wanted: VersionReq,
    },
    /// Older than what hosts may go back to.
    #[error("below {floor}, and {version} forbids to go back below that")]
    BelowFloor {
        /// The oldest version that may be gone back to.
        floor: Box<Version>,
        /// The release that says so.
        version: Version,
    },
    /// Its author is too new for this host.
    #[error("its author is new and this host accepts established authors only")]
    FreshAuthor,
    /// Its signed description could not be read.
    #[error("its signed description is not understood: {detail}")]
    Malformed {
        /// What is wrong with it.
        detail: String,
    },
}

/// `it is 1.0.0 here`, `which is not installed`
fn having(have: Option<&Version>) -> String {
    have.map_or_else(|| "which is not installed".to_owned(), |have| format!("it is {have} here"))
}
