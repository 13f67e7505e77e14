//! Compiles what will run before anything waits for it.

use newleaf_launcher::state::CoreSlot;

use crate::explain::chain;
use crate::port::{Warmed, counted};
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::step::{AppSwitch, plugin_failed};
use crate::{Consent, Rehearsal};

/// Compiles and links an app's new version while the old one serves.
pub(crate) async fn app(cx: Context, switch: &AppSwitch) -> StepResult<()> {
    let plugins = &cx.updater.ports().plugins;
    let detail =
        plugins.prepare(&switch.app, &switch.new).await.map_err(|error| plugin_failed(&error))?;
    Ok(Passed::done((), detail))
}

/// What apps that the new version cannot run mean for its update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breaking {
    /// It stops before anything changed.
    Stops,
    /// It goes on, and they are suspended.
    IsTold,
}

impl Breaking {
    /// By the settings, and by what the admin said of this update.
    pub(crate) const fn of(policy: Rehearsal, suspend: Consent) -> Self {
        match (policy, suspend) {
            (Rehearsal::Required, Consent::NotGiven) => Self::Stops,
            (Rehearsal::Required, Consent::Given) | (Rehearsal::Warn | Rehearsal::Off, _) => {
                Self::IsTold
            }
        }
    }
}

/// Core: lets the new version compile and link every app that serves, so that its start waits for
/// none of them and no app breaks by surprise.
pub(crate) async fn core(cx: Context, slot: &CoreSlot, breaking: Breaking) -> StepResult<Warmed> {
    let settings = cx.updater.settings();
    let warmed = match cx.updater.ports().slots.prewarm(slot, settings.rehearsal_waits.expand).await
    {
        Ok(Some(warmed)) => warmed,
        Ok(None) => {
            let why = "this version compiles the apps when it starts, while the one before serves";
            return Ok(Passed::skipped(Warmed::default(), why));
        }
        Err(error) => {
            let why = format!("the apps were not compiled ahead: {}", chain(&error));
            return Ok(Passed::warned(Warmed::default(), why));
        }
    };
    match (warmed.breaks(), breaking) {
        (None, _) if warmed.apps == 0 => Ok(Passed::done(warmed, "no apps are installed")),
        (None, _) => {
            let detail = format!("{} compiled and linked", counted(warmed.apps));
            Ok(Passed::done(warmed, detail))
        }
        (Some(breaks), Breaking::Stops) => Err(Stop::Failed(Broken {
            what: breaks,
            todo: "update or switch off these apps first, or go on without them, suspended with \
                   their data kept: newleaf update core --suspend-apps"
                .to_owned(),
            // Other hosts have other apps: it is no evidence against the version.
            blame: Blame::Machine,
        })),
        (Some(breaks), Breaking::IsTold) => {
            let told = format!("{breaks}; suspended until a version of it fits, its data is kept");
            Ok(Passed::warned(warmed, told))
        }
    }
}

/// Skips on the way back, with the reason that people read.
pub(crate) fn core_back() -> Passed<()> {
    Passed::skipped((), "the version before ran these apps already")
}
