//! App: migrates a copy of the data, asks the new version for its health and for pages that visitors
//! read lately, and says how long the switch will keep visitors waiting.

use newleaf_domain::{Target, Version};
use newleaf_launcher::journal::Outcome;

use crate::Rehearsal;
use crate::explain::chain;
use crate::pause::{self, Pace, spoken};
use crate::port::{AppRehearsed, PluginError};
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::start::{Consent, Leeway};
use crate::step::AppSwitch;
use crate::view::{Pause, RehearsalNote};

use super::no_room;

/// What came of a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The new version runs on the data.
    Fits(AppRehearsed),
    /// Nothing serves that anybody could wait for, or the settings say so.
    NotWanted(String),
    /// It was not tried, for this reason of the machine; or it failed, and the settings say to go on.
    NotTried(String),
}

/// Rehearses as a part of an update, keeps what was learnt for the plans of the release, and stops
/// where that wants a yes that was not given.
pub(crate) async fn run(cx: Context, switch: &AppSwitch, leeway: Leeway) -> StepResult<Pace> {
    let policy = cx.updater.settings().app_rehearsal;
    let verdict = match on_a_copy(&cx, switch).await {
        Err(Stop::Failed(broken)) if policy == Rehearsal::Warn => {
            Verdict::NotTried(format!("not rehearsed to a good end: {}", broken.what))
        }
        Err(Stop::Failed(broken)) => {
            keep(&cx, switch, Err(&broken.what)).await;
            return Err(Stop::Failed(broken));
        }
        other => other?,
    };
    match verdict {
        Verdict::NotWanted(why) => Ok(Passed::skipped(Pace::default(), why)),
        Verdict::NotTried(why) if leeway.unrehearsed == Consent::NotGiven => {
            Err(unrehearsed(&cx, &why))
        }
        Verdict::NotTried(why) => Ok(Passed::warned(Pace::default(), why)),
        Verdict::Fits(rehearsed) => {
            keep(&cx, switch, Ok(&rehearsed)).await;
            let pause = expected(&cx, switch, &rehearsed);
            if pause.announced.is_some() && leeway.pause == Consent::NotGiven {
                return Err(unannounced(&cx.target, &pause));
            }
            let detail = format!("{rehearsed}; {}", pause.sentence());
            Ok(Passed { value: Pace::of(rehearsed, &pause), outcome: Outcome::Done { detail } })
        }
    }
}

/// Tries the version, whatever is to follow.
pub(crate) async fn on_a_copy(cx: &Context, switch: &AppSwitch) -> Result<Verdict, Stop> {
    let Some(old) = &switch.old else {
        return Ok(Verdict::NotWanted("nothing serves it yet, so nobody waits for it".to_owned()));
    };
    if cx.updater.settings().app_rehearsal == Rehearsal::Off {
        let why = "not rehearsed: apps.rehearsal is \"off\"".to_owned();
        return Ok(Verdict::NotWanted(why));
    }
    let plugins = &cx.updater.ports().plugins;
    if let Some(why) = no_room(cx, plugins.rehearsal_needs(&switch.app).await).await {
        return Ok(Verdict::NotTried(why));
    }
    let within = cx.updater.settings().migrate_within;
    match plugins.rehearse(&switch.app, &switch.new, old.schema, within).await {
        Ok(rehearsed) => Ok(Verdict::Fits(rehearsed)),
        Err(error) => {
            log(switch, &old.version, &error);
            if error.is_machine_fault() {
                let why = format!("not rehearsed to a good end: {}", chain(&error));
                return Ok(Verdict::NotTried(why));
            }
            Err(failed(&error))
        }
    }
}

/// Says in the log, once, that a rehearsal failed: whoever watches a host reads it there.
fn log(switch: &AppSwitch, from: &Version, error: &PluginError) {
    let AppSwitch { app, new, .. } = switch;
    let (to, reason) = (&new.version, chain(error));
    tracing::warn!(%app, %from, %to, reason, "the rehearsal of an app failed");
}

/// How long visitors will wait, and whether they are told.
fn expected(cx: &Context, switch: &AppSwitch, rehearsed: &AppRehearsed) -> Pause {
    let traffic = cx.updater.ports().plugins.traffic(&switch.app);
    pause::expect(rehearsed, traffic, cx.updater.settings().pause_unannounced)
}

/// Keeps what was learnt, so that the next plan of the release says it.
async fn keep(cx: &Context, switch: &AppSwitch, learnt: Result<&AppRehearsed, &str>) {
    let Some(note) = note(cx, switch, learnt) else { return };
    if let Err(error) = cx.updater.ports().store.put_rehearsal(&note).await {
        // The plan tells less; the update goes on with what it knows.
        tracing::warn!(error = chain(&error), "what a rehearsal showed is not kept");
    }
}

/// What was learnt of a version in the place of the one that serves; none where none does.
pub(crate) fn note(
    cx: &Context,
    switch: &AppSwitch,
    learnt: Result<&AppRehearsed, &str>,
) -> Option<RehearsalNote> {
    Some(RehearsalNote {
        target: cx.target.clone(),
        version: switch.new.version.clone(),
        digest: switch.new.digest,
        from: switch.old.as_ref()?.version.clone(),
        at: cx.updater.ports().clock.now(),
        rehearsed: None,
        app: learnt.ok().cloned(),
        why: learnt.err().map(str::to_owned),
        apps: 0,
        broken: Vec::new(),
    })
}

fn failed(error: &PluginError) -> Stop {
    let what = format!("on a copy of its data, {}", chain(error));
    Broken::version(what, "tell the app's author; nothing of the data was changed")
}

/// An admin may go on without a rehearsal; what happens by itself may not.
fn unrehearsed(cx: &Context, why: &str) -> Stop {
    Stop::Failed(Broken {
        what: format!("{why}; so {} is not updated by itself", cx.target),
        todo: format!("make room, or update it by hand: newleaf update {}", cx.target),
        blame: Blame::Machine,
    })
}

fn unannounced(target: &Target, pause: &Pause) -> Stop {
    Stop::Failed(Broken {
        what: format!(
            "{target} would serve nobody for {}, and nobody said yes to that: {}",
            spoken(std::time::Duration::from_millis(pause.expected_ms)),
            pause.announced.as_deref().unwrap_or_default()
        ),
        todo: format!("say yes to the pause, at a quiet time: newleaf update {target} --yes"),
        blame: Blame::Machine,
    })
}

/// Skips on the way back, with the reason that people read.
pub(crate) fn back() -> Passed<Pace> {
    Passed::skipped(Pace::default(), "the version before ran on this data already")
}
