//! Core: extends a copy of the data, starts the new version there and asks it for its health.

use std::time::Duration;

use newleaf_launcher::state::CoreSlot;

use crate::Rehearsal;
use crate::explain::chain;
use crate::port::{RehearsalError, Rehearsed};
use crate::run::{Broken, Context, Passed, StepResult, Stop};

use super::no_room;

/// What came of a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The new version runs on the data.
    Fits(Rehearsed),
    /// It was not tried, for this reason of the machine or the settings.
    NotTried(String),
}

impl Verdict {
    /// How long the extension may take: ten times the rehearsed time, and never less than `least`.
    pub(crate) fn expand_within(&self, least: Duration) -> Duration {
        match self {
            Self::Fits(rehearsed) => {
                least.max(Duration::from_millis(rehearsed.expand_ms.saturating_mul(10)))
            }
            Self::NotTried(_) => least,
        }
    }
}

/// Core: copies, extends, starts and probes. A version that fails is stopped here or told, as the
/// settings say; a machine that cannot rehearse stops nobody.
pub(crate) async fn core(cx: Context, slot: &CoreSlot, policy: Rehearsal) -> StepResult<Verdict> {
    if policy == Rehearsal::Off {
        let why = "not rehearsed: core.rehearsal is \"off\"".to_owned();
        return Ok(Passed::skipped(Verdict::NotTried(why.clone()), why));
    }
    let needs = cx.updater.ports().slots.rehearsal_needs().await;
    if let Some(why) = no_room(&cx, needs).await {
        return Ok(Passed::warned(Verdict::NotTried(why.clone()), why));
    }
    let (slots, waits) = (&cx.updater.ports().slots, cx.updater.settings().rehearsal_waits);
    match slots.rehearse(slot, &cx.updater.state(), waits).await {
        Ok(rehearsed) => Ok(Passed::done(Verdict::Fits(rehearsed), rehearsed.to_string())),
        Err(error) if error.is_machine_fault() || policy == Rehearsal::Warn => {
            let why = format!("not rehearsed to a good end: {}", chain(&error));
            Ok(Passed::warned(Verdict::NotTried(why.clone()), why))
        }
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &RehearsalError) -> Stop {
    let what = chain(error);
    if error.blames_version() {
        let todo = "tell the product's vendor; nothing of the data was changed";
        return Broken::version(what, todo);
    }
    Broken::machine(
        error,
        "try again when the machine is less busy, or set core.rehearsal = \"warn\"",
    )
}

/// Skips on the way back, with the reason that people read.
pub(crate) fn core_back() -> Passed<()> {
    Passed::skipped((), "the version before ran on this data already")
}
