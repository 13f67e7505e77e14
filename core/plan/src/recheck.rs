//! Whether a plan that was approved is still the plan: what is carried out is what was read.

use newleaf_domain::{Timestamp, Version};
use newleaf_trust::{Targets, Verified};

use crate::choose::changes;
use crate::listing::listings;
use crate::survey::Looked;
use crate::{Change, Installed, Outcome, Plan, Planned, Policy, Request, plan};

/// How long a plan may be approved after it was made: a day, so that nobody says yes to what the
/// repository said last month.
pub const PLAN_LIFETIME_SECONDS: i64 = 24 * 60 * 60;

/// Why a plan can no longer be carried out. Completes "failed to carry out plan …: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// Made too long ago.
    #[error("it was made at {created}, more than a day before {now}")]
    TooOld {
        /// When it was made.
        created: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// Something on the host changed since.
    #[error("it starts from state {planned}, the host is at state {actual}")]
    StateMoved {
        /// The `seq` it starts from.
        planned: u64,
        /// The `seq` of the host.
        actual: u64,
    },
    /// No planner makes such a plan.
    #[error("it changes nothing")]
    Empty,
    /// The repository offers something else by now.
    #[error("it leads to {planned}, which is {what} by now")]
    OffersMoved {
        /// The version it leads to.
        planned: Version,
        /// What became of it.
        what: String,
    },
}

/// Plans `request` again; `approved` is still the plan where the second value is `None`.
///
/// Carry out the plan that was made again, not the one that was handed in: it has the same id,
/// and nobody but this crate has touched it.
pub fn recheck(
    approved: &Plan,
    installed: &Installed,
    targets: &Verified<Targets>,
    policy: &Policy,
    request: &Request,
    now: Timestamp,
) -> (Planned, Option<Stale>) {
    let planned = plan(installed, targets, policy, request, now);
    let stale = staleness(approved, installed, &planned, now);
    (planned, stale)
}

/// Why `approved` is not what `planned` would do, the plainest reason first.
pub(crate) fn staleness(
    approved: &Plan,
    installed: &Installed,
    planned: &Planned,
    now: Timestamp,
) -> Option<Stale> {
    if planned.plan().is_some_and(|plan| plan.id == approved.id) {
        let too_old = now.seconds_since(approved.created) > PLAN_LIFETIME_SECONDS;
        return too_old.then_some(Stale::TooOld { created: approved.created, now });
    }
    if approved.seq != installed.seq {
        return Some(Stale::StateMoved { planned: approved.seq, actual: installed.seq });
    }
    let Some(to) = approved.goal().map(|change| change.to.clone()) else {
        return Some(Stale::Empty);
    };
    let what = match &planned.outcome {
        Outcome::Plan(plan) => match plan.goal() {
            Some(change) if change.to != to => format!("followed by {}", change.to),
            Some(_) | None => "described otherwise".to_owned(),
        },
        Outcome::UpToDate { .. } => "not offered".to_owned(),
        Outcome::Refused(refusal) => format!("refused ({refusal})"),
    };
    Some(Stale::OffersMoved { planned: to, what })
}

/// What is left of `approved` once its first `done` changes were carried out, as it would be
/// planned now: the same releases in the same order, or not at all.
///
/// # Errors
/// Why the rest is not what was approved.
pub fn rest(
    approved: &Plan,
    done: usize,
    installed: &Installed,
    targets: &Verified<Targets>,
    policy: &Policy,
    request: &Request,
    now: Timestamp,
) -> Result<Vec<Change>, Stale> {
    let left = approved.changes.get(done..).unwrap_or_default();
    let goal = left.last().ok_or(Stale::Empty)?;
    if now.seconds_since(approved.created) > PLAN_LIFETIME_SECONDS {
        return Err(Stale::TooOld { created: approved.created, now });
    }
    let Request { target, version } = request;
    let found = listings(targets, target);
    let looked = Looked::at(found, targets, installed, policy, target, version.as_ref());
    let moved = |what: String| Stale::OffersMoved { planned: goal.to.clone(), what };
    let of_goal = |digest| digest == goal.digest;
    let place = looked.survey.candidates.iter().position(|it| of_goal(it.digest));
    let place = place.ok_or_else(|| moved("not offered".to_owned()))?;
    if let Some(reason) = looked.survey.candidates[place].reason() {
        return Err(moved(format!("refused ({reason})")));
    }
    let again = changes(&looked, place, installed, policy, request).map_err(moved)?;
    let is_alike = again.len() == left.len()
        && again.iter().zip(left).all(|(again, approved)| is_same_hop(again, approved));
    if is_alike { Ok(again) } else { Err(moved("reached by another way".to_owned())) }
}

/// Whether two changes bring the same bytes, with the same rights, from the same version.
fn is_same_hop(a: &Change, b: &Change) -> bool {
    let of = |change: &Change| {
        let Change { target, from, to, path, digest, grants, .. } = change.clone();
        (target, from, to, path, digest, grants)
    };
    of(a) == of(b)
}
