//! The choice itself: of all that can be installed, the one that is asked for, or the newest.

use newleaf_domain::{Target, Timestamp, Version};
use newleaf_trust::{Targets, Verified};

use crate::change::{change, installed_after, plan_of};
use crate::listing::listings;
use crate::route::Map;
use crate::survey::Looked;
use crate::{Age, Candidate, Change, Installed, Plan, Policy, Reason, Request, Survey};

/// What came of a request, with every release that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Each release of the target with its verdict.
    pub survey: Survey,
    /// What can be done.
    pub outcome: Outcome,
}

impl Planned {
    /// The plan, where there is something to do.
    pub const fn plan(&self) -> Option<&Plan> {
        match &self.outcome {
            Outcome::Plan(plan) => Some(plan),
            Outcome::UpToDate { .. } | Outcome::Refused(_) => None,
        }
    }
}

/// What can be done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// This, once an admin (or the policy) says yes.
    Plan(Plan),
    /// Nothing: what runs is the newest that is meant for this host, or the version asked for.
    UpToDate {
        /// What runs.
        version: Version,
    },
    /// Nothing, although something was asked for or is newer.
    Refused(Refusal),
}

/// Why a request cannot be met. Completes "failed to plan …: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The role that lists its releases failed, so nothing is known of its releases.
    #[error("nothing is known of the releases of {target}: {detail}")]
    Untrusted {
        /// What was asked for.
        target: Target,
        /// What failed.
        detail: String,
    },
    /// It is not installed, and whether it was yanked cannot be known.
    #[error("{target} is not installed while the list of yanked releases is missing: {detail}")]
    NoAdvisories {
        /// What was asked for.
        target: Target,
        /// Why the list is missing.
        detail: String,
    },
    /// It is not installed, and the repository lists no release of it.
    #[error("{target} is not installed, and the repository lists no release of it")]
    NoReleases {
        /// What was asked for.
        target: Target,
    },
    /// The repository does not list the version that was asked for.
    #[error("the repository lists no version {version} of {target}")]
    NoSuchVersion {
        /// What was asked for.
        target: Target,
        /// The version that was asked for.
        version: Version,
    },
    /// A release was asked for, or is newer than what runs, and cannot be installed.
    #[error("{target} {version} cannot be installed: {reason}")]
    CannotInstall {
        /// What was asked for.
        target: Target,
        /// The version.
        version: Version,
        /// Why.
        reason: Reason,
    },
    /// The plan has no canonical form; a fault of this program.
    #[error("the plan for {target} has no canonical form: {detail}")]
    NoCanonicalForm {
        /// What was asked for.
        target: Target,
        /// What is wrong.
        detail: String,
    },
}

impl Refusal {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Untrusted { .. } => "`newleaf trust show` names both signers",
            Self::NoAdvisories { .. } => "try again later; apps that run can still be updated",
            Self::NoReleases { .. } => {
                "check the name: `newleaf apps list` names what is installed"
            }
            Self::NoSuchVersion { .. } => {
                "`newleaf update --list` names the versions there are, each with its verdict"
            }
            Self::CannotInstall { reason, .. } => reason.hint(),
            Self::NoCanonicalForm { .. } => "this is a fault of the program; report it",
        }
    }
}

impl Reason {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Installed => "nothing: it runs already",
            Self::Older { .. } => "asking for the version by name takes the host back to it",
            Self::BelowFloor { .. } => "stay on a version that is not below it",
            Self::Platform { .. } | Self::Edition { .. } => {
                "look for a build made for this machine"
            }
            Self::CoreRange { .. } | Self::Abi { .. } => {
                "update core first, or wait for a newer release"
            }
            Self::Bad { .. } => "read the history; asking for the version by name tries it again",
            Self::Yanked { .. } => "wait for the release that mends it",
            Self::Channel { .. } => "change the channel, or ask for the version by name",
            Self::Rollout { .. } => "wait, or ask for the version by name",
            Self::DataTooOld { .. } => "update to a version between the two first",
            Self::DataTooNew { .. } => {
                "take a release whose schema is not below that, or put back a backup of that time"
            }
            Self::SteppingStone { .. } => {
                "the list of versions says why that one cannot be installed: newleaf update --list"
            }
            Self::Skipped => "asking for the version by name installs it all the same",
            Self::Needs { .. } => {
                "install or update that app first: newleaf apps install, newleaf update"
            }
            Self::NeededBy { .. } => "update the app that needs it first, or remove that one",
            Self::FreshAuthor => {
                "wait until the repository vouches for the author, or change the policy"
            }
            Self::Malformed { .. } => "update core first: the release may be made for a newer one",
        }
    }

    /// Whether a person should hear of a newer release that is refused for this reason; else it
    /// was not meant for this host.
    const fn holds_the_host_back(&self) -> bool {
        match self {
            Self::CoreRange { .. }
            | Self::Abi { .. }
            | Self::Bad { .. }
            | Self::DataTooOld { .. }
            | Self::DataTooNew { .. }
            | Self::SteppingStone { .. }
            | Self::FreshAuthor
            | Self::Needs { .. }
            | Self::NeededBy { .. }
            | Self::Malformed { .. } => true,
            Self::Installed
            | Self::Older { .. }
            | Self::BelowFloor { .. }
            | Self::Platform { .. }
            | Self::Edition { .. }
            | Self::Yanked { .. }
            | Self::Channel { .. }
            | Self::Skipped
            | Self::Rollout { .. } => false,
        }
    }
}

/// Plans `request` on the host `installed`, at `now`.
pub fn plan(
    installed: &Installed,
    targets: &Verified<Targets>,
    policy: &Policy,
    request: &Request,
    now: Timestamp,
) -> Planned {
    let Request { target, version } = request;
    let found = listings(targets, target);
    let looked = Looked::at(found, targets, installed, policy, target, version.as_ref());
    let outcome = match first_install_without_advisories(installed, targets, target) {
        Some(refusal) => Outcome::Refused(refusal),
        None => decide(&looked, installed, policy, request, now),
    };
    Planned { survey: looked.survey, outcome }
}

/// Advisories can only deny. Where their list should be there and is not, what runs may still be
/// updated, so that hiding the list does not keep a host on a faulty version; nothing new comes in.
fn first_install_without_advisories(
    installed: &Installed,
    targets: &Verified<Targets>,
    target: &Target,
) -> Option<Refusal> {
    let error = targets.advisories().err()?;
    let is_new = installed.version_of(target).is_none();
    is_new.then(|| Refusal::NoAdvisories { target: target.clone(), detail: error.to_string() })
}

/// The outcome of `request`.
fn decide(
    looked: &Looked,
    installed: &Installed,
    policy: &Policy,
    request: &Request,
    now: Timestamp,
) -> Outcome {
    let target = &request.target;
    match choose(&looked.survey, installed, request) {
        Choice::Take(index) => match plan_way(looked, index, installed, policy, request, now) {
            Ok(plan) => Outcome::Plan(plan),
            Err(detail) => {
                Outcome::Refused(Refusal::NoCanonicalForm { target: target.clone(), detail })
            }
        },
        Choice::Stay(version) => Outcome::UpToDate { version },
        Choice::Refuse(refusal) => Outcome::Refused(refusal),
    }
}

/// The plan of every hop on the way to the candidate at `index`.
fn plan_way(
    looked: &Looked,
    index: usize,
    installed: &Installed,
    policy: &Policy,
    request: &Request,
    now: Timestamp,
) -> Result<Plan, String> {
    let changes = changes(looked, index, installed, policy, request)?;
    plan_of(installed.seq, changes, now)
}

/// The change of each hop, each on the host as the one before leaves it.
pub(crate) fn changes(
    looked: &Looked,
    index: usize,
    installed: &Installed,
    policy: &Policy,
    request: &Request,
) -> Result<Vec<Change>, String> {
    let Request { target, version } = request;
    let map = Map::new(&looked.listings, target, installed, policy, version.as_ref());
    let way = &looked.ways[index];
    let mut host = installed.clone();
    let mut changes = Vec::new();
    for (hop, &place) in way.iter().enumerate() {
        let listing = &looked.listings[place];
        let described = listing.described.as_ref().map_err(Clone::clone)?;
        let because = map.because(way, hop, &host);
        changes.push(change(listing, described, &host, because));
        host = installed_after(&host, listing, described);
    }
    Ok(changes)
}

enum Choice {
    /// The candidate at this place.
    Take(usize),
    /// What runs is right.
    Stay(Version),
    Refuse(Refusal),
}

fn choose(survey: &Survey, installed: &Installed, request: &Request) -> Choice {
    let target = request.target.clone();
    let runs = installed.version_of(&target);
    if let Some(detail) = survey.untrusted.clone() {
        return Choice::Refuse(Refusal::Untrusted { target, detail });
    }
    match &request.version {
        Some(version) if Some(version) == runs => Choice::Stay(version.clone()),
        Some(version) => choose_version(survey, target, version, runs),
        None => choose_newest(survey, target, runs),
    }
}

/// The release of `version`; of several builds the one that fits.
fn choose_version(
    survey: &Survey,
    target: Target,
    version: &Version,
    runs: Option<&Version>,
) -> Choice {
    let of_version = |candidate: &&Candidate| candidate.version == *version;
    let fits =
        |candidate: &Candidate| candidate.version == *version && candidate.reason().is_none();
    if let Some(index) = survey.candidates.iter().position(fits) {
        return Choice::Take(index);
    }
    let version = version.clone();
    let mut refused = survey.candidates.iter().filter(of_version).filter_map(Candidate::reason);
    // A build for this machine says more than one for another.
    let nearest = refused.clone().find(|reason| !is_about_the_build(reason));
    Choice::Refuse(match nearest.or_else(|| refused.next()).cloned() {
        Some(reason) => Refusal::CannotInstall { target, version, reason },
        None if survey.candidates.is_empty() && runs.is_none() => Refusal::NoReleases { target },
        None => Refusal::NoSuchVersion { target, version },
    })
}

/// The newest that fits; else what runs, unless something that holds the host back is newer.
fn choose_newest<'a>(survey: &'a Survey, target: Target, runs: Option<&Version>) -> Choice {
    let best = |candidate: &Candidate| candidate.verdict == crate::Verdict::Best;
    if let Some(index) = survey.candidates.iter().position(best) {
        return Choice::Take(index);
    }
    let with_reason = |candidate: &'a Candidate| Some((candidate, candidate.reason()?));
    let mut refused = survey.candidates.iter().filter_map(with_reason);
    let told = match runs {
        Some(_) => {
            refused.find(|(it, reason)| it.age == Age::Newer && reason.holds_the_host_back())
        }
        None => refused.next(),
    };
    match (told, runs) {
        (Some((candidate, reason)), _) => Choice::Refuse(Refusal::CannotInstall {
            target,
            version: candidate.version.clone(),
            reason: reason.clone(),
        }),
        (None, Some(version)) => Choice::Stay(version.clone()),
        (None, None) => Choice::Refuse(Refusal::NoReleases { target }),
    }
}

const fn is_about_the_build(reason: &Reason) -> bool {
    matches!(reason, Reason::Platform { .. } | Reason::Edition { .. })
}
