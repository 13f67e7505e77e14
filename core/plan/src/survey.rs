//! Every release of one target with its verdict: what an overview shows and a plan starts from.

use newleaf_domain::{Target, Timestamp, Version};
use newleaf_trust::{Targets, Verified};

use crate::judge::{Case, Wish, judge};
use crate::listing::{Described, Listing, listings};
use crate::{Candidate, Installed, Policy, Reason, Verdict};

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
    survey_for(installed, targets, policy, target, None).0
}

/// [`survey`] for an admin who asks for the version `asked`; with the listing behind each
/// candidate.
pub(crate) fn survey_for(
    installed: &Installed,
    targets: &Verified<Targets>,
    policy: &Policy,
    target: &Target,
    asked: Option<&Version>,
) -> (Survey, Vec<Listing>) {
    let listings = newest_first(listings(targets, target));
    let candidates = candidates(&listings, installed, policy, asked);
    let untrusted = targets.failure_of(target).map(ToString::to_string);
    (Survey { target: target.clone(), candidates, untrusted }, listings)
}

/// By version; builds of one version for several platforms by their paths.
pub(crate) fn newest_first(mut listings: Vec<Listing>) -> Vec<Listing> {
    listings
        .sort_by(|a, b| b.path.version().cmp(a.path.version()).then_with(|| a.path.cmp(&b.path)));
    listings
}

/// The verdict on each of `listings`, which stand newest first.
pub(crate) fn candidates(
    listings: &[Listing],
    installed: &Installed,
    policy: &Policy,
    asked: Option<&Version>,
) -> Vec<Candidate> {
    let judged = listings
        .iter()
        .map(|listing| {
            let wish =
                if asked == Some(listing.path.version()) { Wish::ByVersion } else { Wish::Any };
            let verdict = judge(&Case { listing, installed, policy, wish });
            (listing, verdict.map(|_| wish))
        })
        .collect::<Vec<_>>();
    let stone = stepping_stone(&judged, installed);
    let mut best_found = false;
    judged
        .into_iter()
        .map(|(listing, judged)| {
            let verdict =
                match judged.and_then(|wish| passes(listing, stone.as_ref()).map(|()| wish)) {
                    Err(reason) => Verdict::Refused { reason },
                    // What only an admin's word admits is not what would be offered.
                    Ok(Wish::Any) if !std::mem::replace(&mut best_found, true) => Verdict::Best,
                    Ok(Wish::ByVersion | Wish::Any) => Verdict::Possible,
                };
            candidate(listing, installed, verdict)
        })
        .collect()
}

/// The oldest release ahead that may not be passed over. One that was never meant for this host
/// is no obstacle; one that is but cannot be installed remains one.
fn stepping_stone(
    judged: &[(&Listing, Result<Wish, Reason>)],
    installed: &Installed,
) -> Option<Version> {
    let is_stone = |listing: &Listing| matches!(&listing.described, Ok(Described { manifest, .. }) if manifest.stepping_stone);
    judged
        .iter()
        .rev()
        .filter(|(listing, _)| {
            installed.version_of(&listing.path.target()).is_some() && is_stone(listing)
        })
        .find(|(_, verdict)| verdict.as_ref().err().is_none_or(Reason::leaves_in_the_way))
        .map(|(listing, _)| listing.path.version().clone())
}

impl Reason {
    /// Whether a release refused for this reason still stands between the host and newer ones.
    const fn leaves_in_the_way(&self) -> bool {
        match self {
            Self::CoreRange { .. }
            | Self::Abi { .. }
            | Self::Bad { .. }
            | Self::Rollout { .. }
            | Self::DataTooOld { .. }
            | Self::DataTooNew { .. }
            | Self::SteppingStone { .. } => true,
            Self::Installed
            | Self::Older { .. }
            | Self::Platform { .. }
            | Self::Edition { .. }
            | Self::Yanked { .. }
            | Self::Channel { .. }
            | Self::FreshAuthor
            | Self::Malformed { .. } => false,
        }
    }
}

fn passes(listing: &Listing, stone: Option<&Version>) -> Result<(), Reason> {
    match stone {
        Some(through) if through < listing.path.version() => {
            Err(Reason::SteppingStone { through: through.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

fn candidate(listing: &Listing, installed: &Installed, verdict: Verdict) -> Candidate {
    let described = listing.described.as_ref().ok();
    let target = listing.path.target();
    let version = listing.path.version();
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
        verdict,
        target,
    }
}
