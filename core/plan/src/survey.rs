//! Every release of one target with its verdict: what an overview shows and a plan starts from.

use std::cmp::Ordering;

use newleaf_domain::{PackageName, Target, Timestamp, Version};
use newleaf_trust::{Missing, Targets, TrustError, Verified};

use crate::judge::Wish;
use crate::listing::{Described, Listing, listings};
use crate::route::{Map, Way};
use crate::{Age, Candidate, Installed, Policy, Reason, Verdict};

/// Every release of one target, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// What was looked for.
    pub target: Target,
    /// Each release, newest first. At most one is [`Verdict::Best`].
    pub candidates: Vec<Candidate>,
    /// Why nothing can be learnt of its releases, where their signer's role failed.
    pub untrusted: Option<String>,
}

impl Survey {
    /// The newest release that can be installed.
    pub fn best(&self) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.verdict == Verdict::Best)
    }
}

/// Looks at every release of `target`.
pub fn survey(
    installed: &Installed,
    targets: &Verified<Targets>,
    policy: &Policy,
    target: &Target,
) -> Survey {
    Looked::at(listings(targets, target), targets, installed, policy, target, None).survey
}

/// A survey with what a plan is made of: the listing behind each candidate, and the way to it.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) survey: Survey,
    pub(crate) listings: Vec<Listing>,
    /// Places of the releases on the way to each, in the order of the listings; the last is the
    /// release itself. Empty where it is not reached.
    pub(crate) ways: Vec<Vec<usize>>,
}

impl Looked {
    /// Looks at `listings`, for an admin who asks for the version `asked` or for nobody in
    /// particular.
    pub(crate) fn at(
        listings: Vec<Listing>,
        targets: &Verified<Targets>,
        installed: &Installed,
        policy: &Policy,
        target: &Target,
        asked: Option<&Version>,
    ) -> Self {
        let untrusted = failure(targets, installed, target);
        let listings = newest_first(listings);
        let (candidates, ways) = candidates(&listings, target, installed, policy, asked);
        let survey = Survey { target: target.clone(), candidates, untrusted };
        Self { survey, listings, ways }
    }
}

/// Why nothing can be learnt of the releases of `target`. A namespace that nobody signs for and of
/// which nothing is installed has no releases: a name that was mistyped is no matter of trust.
fn failure(targets: &Verified<Targets>, installed: &Installed, target: &Target) -> Option<String> {
    let is_known =
        |app: &PackageName| installed.apps.keys().any(|other| other.namespace() == app.namespace());
    let is_absent = |error: &TrustError| {
        let why = Missing::NotDelegated;
        matches!(error, TrustError::MissingRole { why: found, .. } if *found == why)
    };
    let mistyped =
        |error: &&TrustError| is_absent(error) && target.app().is_some_and(|it| !is_known(it));
    targets.failure_of(target).filter(|error| !mistyped(error)).map(ToString::to_string)
}

/// By version; builds of one version for several platforms by their paths.
pub(crate) fn newest_first(mut listings: Vec<Listing>) -> Vec<Listing> {
    listings
        .sort_by(|a, b| b.path.version().cmp(a.path.version()).then_with(|| a.path.cmp(&b.path)));
    listings
}

/// The verdict on each of `listings`, which stand newest first, and the way to it.
pub(crate) fn candidates(
    listings: &[Listing],
    target: &Target,
    installed: &Installed,
    policy: &Policy,
    asked: Option<&Version>,
) -> (Vec<Candidate>, Vec<Vec<usize>>) {
    let map = Map::new(listings, target, installed, policy, asked);
    let mut best_found = false;
    map.ways(target)
        .into_iter()
        .enumerate()
        .map(|(place, way)| {
            let (verdict, way) = match way {
                // What only an admin's word admits is not what would be offered.
                Way::Over(way) if map.wish(place) == Wish::ByVersion => (Verdict::Possible, way),
                Way::Over(way) if std::mem::replace(&mut best_found, true) => {
                    (Verdict::Possible, way)
                }
                Way::Over(way) => (Verdict::Best, way),
                Way::None(reason) => (held_back(&map, place, reason), Vec::new()),
            };
            (candidate(listings, place, installed, verdict, &way), way)
        })
        .unzip()
}

/// Whether an admin's word would admit what is not offered for `reason`. What is said is the
/// reason that no word waives, where there is one.
fn held_back(map: &Map<'_>, place: usize, reason: Reason) -> Verdict {
    if !reason.is_waived_by_a_word() {
        return Verdict::Refused { reason };
    }
    match map.when_asked_for(place) {
        Way::Over(_) => Verdict::OnRequest { reason },
        Way::None(reason) => Verdict::Refused { reason },
    }
}

impl Reason {
    /// Whether it only keeps a release from being offered, not from being asked for.
    pub const fn is_waived_by_a_word(&self) -> bool {
        match self {
            Self::Older { .. }
            | Self::Bad { .. }
            | Self::Channel { .. }
            | Self::Rollout { .. }
            | Self::Skipped => true,
            Self::Installed
            | Self::Platform { .. }
            | Self::Edition { .. }
            | Self::CoreRange { .. }
            | Self::Abi { .. }
            | Self::Yanked { .. }
            | Self::DataTooOld { .. }
            | Self::DataTooNew { .. }
            | Self::SteppingStone { .. }
            | Self::Needs { .. }
            | Self::NeededBy { .. }
            | Self::BelowFloor { .. }
            | Self::FreshAuthor
            | Self::Malformed { .. } => false,
        }
    }
}

fn candidate(
    listings: &[Listing],
    place: usize,
    installed: &Installed,
    verdict: Verdict,
    way: &[usize],
) -> Candidate {
    let listing = &listings[place];
    let described: Option<&Described> = listing.described.as_ref().ok();
    let target = listing.path.target();
    let version = listing.path.version();
    let before = way.split_last().map_or(&[][..], |(_, before)| before);
    Candidate {
        step: installed.version_of(&target).map(|from| version.step_from(from)),
        version: version.clone(),
        channel: described.map(|it| it.release.channel).unwrap_or_default(),
        // A release that is not understood was published at no known time.
        published: described.map_or(Timestamp::from_unix(0), |it| it.release.published),
        length: listing.length,
        digest: listing.digest,
        security: described.is_some_and(|it| !it.manifest.security.is_empty()),
        breaking: described.is_some_and(|it| !it.manifest.breaking.is_empty()),
        age: installed.version_of(&target).map_or(Age::Newer, |runs| match version.cmp(runs) {
            Ordering::Less => Age::Older,
            Ordering::Equal => Age::Same,
            Ordering::Greater => Age::Newer,
        }),
        stepping_stone: described.is_some_and(|it| it.manifest.stepping_stone),
        through: before.iter().map(|&place| listings[place].path.version().clone()).collect(),
        verdict,
        target,
    }
}
