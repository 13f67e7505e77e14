//! Whether a plan that was approved is still the plan: what is carried out is what was read.

use newleaf_domain::{Timestamp, Version};
use newleaf_trust::{Targets, Verified};

use crate::{Installed, Outcome, Plan, Planned, Policy, Request, plan};

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
    let Some(to) = approved.changes.first().map(|change| change.to.clone()) else {
        return Some(Stale::Empty);
    };
    let what = match &planned.outcome {
        Outcome::Plan(plan) => match plan.changes.first() {
            Some(change) if change.to != to => format!("followed by {}", change.to),
            Some(_) | None => "described otherwise".to_owned(),
        },
        Outcome::UpToDate { .. } => "not offered".to_owned(),
        Outcome::Refused(refusal) => format!("refused ({refusal})"),
    };
    Some(Stale::OffersMoved { planned: to, what })
}
