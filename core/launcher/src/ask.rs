//! What each request of a worker makes of `state`. Pure; the same code serves a running host and
//! the command line without one.

use newleaf_domain::{PackageName, UpdateId};

use crate::proto::{AppChange, Ask};
use crate::state::{
    AppState, AppTrial, BadRelease, CorePhase, CoreSlot, CoreState, State, Trial, Way,
};

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The worker was not told to go, or was told to drain.
    #[error("this worker does not hold the baton")]
    NoBaton,
    /// A newer version's request.
    #[error("the launcher does not know this request: it is older than the worker")]
    Unknown,
    /// An older worker still finishes: it may serve the app that would be updated.
    #[error("core {0} still finishes its requests, and may serve the app until it is done")]
    Draining(newleaf_domain::Version),
    /// Core is being updated; everything else waits.
    #[error("core is being updated (phase {0:?})")]
    Busy(CorePhase),
    /// There is no update of core that could be armed or stopped.
    #[error("no update of core is under way that this could apply to")]
    NoUpdate,
    /// The slot is the one that serves already.
    #[error("core {0} is what runs already")]
    AlreadyGood(newleaf_domain::Version),
    /// The app is not installed.
    #[error("{0} is not installed")]
    NoSuchApp(PackageName),
    /// Another update of the app is under way.
    #[error("{0} is being updated by {1}")]
    AppBusy(PackageName, UpdateId),
    /// The switch names another version than the one on trial.
    #[error("{0} has no trial of that version")]
    NotOnTrial(PackageName),
}

/// The state after `ask`. A version that is armed gets `tries` starts.
///
/// # Errors
/// The request does not fit what is under way.
pub fn apply(state: &State, ask: &Ask, tries: u8) -> Result<State, Refusal> {
    let mut next = state.clone();
    match ask {
        Ask::Append { .. } => {}
        Ask::Expand { .. } => {
            idle(state)?;
            next.core.phase = CorePhase::Expand;
        }
        Ask::Arm { update, slot, way, .. } => {
            return arm(state, update, slot, *way, tries);
        }
        Ask::Contracted { oldest_reader } => {
            let good = &mut next.core.good;
            good.oldest_reader = good.oldest_reader.max(*oldest_reader);
        }
        Ask::TrialApp { app, trial } => {
            idle(state)?;
            begin_app(&mut next, app, trial)?;
        }
        Ask::CommitApp { app, slot, previous } => {
            idle(state)?;
            let entry = entry(&mut next, app)?;
            if entry.trial.as_ref().is_none_or(|trial| trial.slot.digest != slot.digest) {
                return Err(Refusal::NotOnTrial(app.clone()));
            }
            entry.good = Some((**slot).clone());
            entry.previous = previous.as_deref().cloned();
            entry.trial = None;
            next.bad.retain(|bad| bad.digest != slot.digest);
        }
        Ask::Abort { update, app: Some(app), bad } => {
            abort_app(&mut next, update, app, bad.as_ref())?;
        }
        Ask::Abort { app: None, bad, .. } => abort_core(&mut next, bad.as_ref())?,
        Ask::SetApp { app, change } => {
            idle(state)?;
            match change {
                AppChange::Enable => entry(&mut next, app)?.disabled = false,
                AppChange::Disable => entry(&mut next, app)?.disabled = true,
                AppChange::Remove => {
                    entry(&mut next, app)?;
                    next.apps.remove(app);
                }
            }
        }
    }
    next.seq += 1;
    Ok(next)
}

/// Point A: the slot is on trial with all its tries.
fn arm(
    state: &State,
    update: &UpdateId,
    slot: &CoreSlot,
    way: Way,
    tries: u8,
) -> Result<State, Refusal> {
    match state.core.phase {
        CorePhase::Idle | CorePhase::Expand if state.core.trial.is_none() => {}
        phase @ (CorePhase::Idle | CorePhase::Expand | CorePhase::Trial | CorePhase::Probation) => {
            return Err(Refusal::Busy(phase));
        }
    }
    if state.core.good.digest == slot.digest {
        return Err(Refusal::AlreadyGood(slot.version.clone()));
    }
    let (update, expand_within_ms) = (update.clone(), None);
    let trial = Trial { slot: slot.clone(), tries, update, way, expand_within_ms };
    let core = CoreState { trial: Some(trial), phase: CorePhase::Trial, ..state.core.clone() };
    Ok(State { core, seq: state.seq + 1, ..state.clone() })
}

/// Starts that a new version of core is given, unless the settings say otherwise.
pub const TRIES: u8 = 2;

/// The state of a host that does not run, after `slot` was staged for it: the schema is extended
/// and the trial is made, with `tries` starts, when the host starts next.
///
/// The extension may take `expand_within_ms`, where that is more than the settings allow.
///
/// # Errors
/// Another update is under way, or the slot is good already.
pub fn defer(
    state: &State,
    update: &UpdateId,
    slot: &CoreSlot,
    way: Way,
    tries: u8,
    expand_within_ms: Option<u64>,
) -> Result<State, Refusal> {
    let mut next = arm(state, update, slot, way, tries)?;
    next.core.phase = CorePhase::Expand;
    if let Some(trial) = &mut next.core.trial {
        trial.expand_within_ms = expand_within_ms;
    }
    Ok(next)
}

/// Releases that failed are remembered so long; beyond it the oldest is forgotten.
pub const MOST_BAD: usize = 64;

/// Reasons of releases that failed are cut to this, in characters.
const REASON: usize = 1_000;

/// Adds `bad` to the list, once. The list stays short: `state` is written whole each time.
pub(crate) fn mark_bad(state: &mut State, bad: Option<&BadRelease>) {
    if let Some(BadRelease { digest, reason }) = bad {
        state.bad.retain(|known| known.digest != *digest);
        let reason = reason.chars().take(REASON).collect();
        state.bad.push(BadRelease { digest: *digest, reason });
        let too_many = state.bad.len().saturating_sub(MOST_BAD);
        state.bad.drain(..too_many);
    }
}

/// What to say where `next` has forgotten a release that failed to make room for another.
pub(crate) fn forgotten(before: &State, next: &State) -> Option<String> {
    let is_full = before.bad.len() >= MOST_BAD && next.bad.len() >= MOST_BAD;
    let kept = |bad: &&BadRelease| next.bad_reason(&bad.digest).is_some();
    let gone = before.bad.iter().find(|bad| is_full && !kept(bad))?;
    Some(format!(
        "the {MOST_BAD} releases that failed last are remembered: {} is no longer one of them, and \
         may be offered again",
        gone.digest.short()
    ))
}

fn idle(state: &State) -> Result<(), Refusal> {
    match state.core.phase {
        CorePhase::Idle => Ok(()),
        phase @ (CorePhase::Expand | CorePhase::Trial | CorePhase::Probation) => {
            Err(Refusal::Busy(phase))
        }
    }
}

fn entry<'s>(state: &'s mut State, app: &PackageName) -> Result<&'s mut AppState, Refusal> {
    state.apps.get_mut(app).ok_or_else(|| Refusal::NoSuchApp(app.clone()))
}

fn begin_app(state: &mut State, app: &PackageName, trial: &AppTrial) -> Result<(), Refusal> {
    let entry = state.apps.entry(app.clone()).or_default();
    match &entry.trial {
        Some(other) if other.update != trial.update => {
            Err(Refusal::AppBusy(app.clone(), other.update.clone()))
        }
        _ => {
            entry.trial = Some(trial.clone());
            Ok(())
        }
    }
}

/// Before point A. A version that failed before anything began is marked only; there is nothing
/// else to take back.
fn abort_core(state: &mut State, bad: Option<&BadRelease>) -> Result<(), Refusal> {
    match (state.core.phase, bad) {
        (CorePhase::Expand, _) if state.core.trial.is_none() => state.core.phase = CorePhase::Idle,
        (CorePhase::Idle, Some(_)) => {}
        (CorePhase::Idle | CorePhase::Expand | CorePhase::Trial | CorePhase::Probation, _) => {
            return Err(Refusal::NoUpdate);
        }
    }
    mark_bad(state, bad);
    Ok(())
}

/// Ends the update's trial, and marks its version where it is to blame. A version that failed
/// before its trial is marked only. A first install that is stopped leaves no entry behind.
fn abort_app(
    state: &mut State,
    update: &UpdateId,
    app: &PackageName,
    bad: Option<&BadRelease>,
) -> Result<(), Refusal> {
    match (state.apps.get_mut(app), bad) {
        (Some(AppState { trial: Some(trial), .. }), None) if trial.update != *update => {
            return Err(Refusal::AppBusy(app.clone(), trial.update.clone()));
        }
        (Some(entry), _) => {
            entry.trial = entry.trial.take().filter(|trial| trial.update != *update);
            if entry.good.is_none() && entry.trial.is_none() {
                state.apps.remove(app);
            }
        }
        (None, Some(_)) => {}
        (None, None) => return Err(Refusal::NoSuchApp(app.clone())),
    }
    mark_bad(state, bad);
    Ok(())
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{Digest, Grants, Version};

    use super::{apply as apply_with, *};
    use crate::sample;
    use crate::state::AppSlot;

    fn apply(state: &State, ask: &Ask) -> Result<State, Refusal> {
        apply_with(state, ask, TRIES)
    }

    fn notes() -> PackageName {
        PackageName::parse("acme/notes").unwrap()
    }

    fn slot(version: &str) -> AppSlot {
        AppSlot {
            digest: Digest::of(version.as_bytes()),
            version: Version::parse(version).unwrap(),
            grants: Grants::default(),
            schema: 1,
            oldest_reader: 1,
            writes: None,
            snapshot: None,
            component: None,
        }
    }

    fn trial(version: &str) -> Ask {
        let trial = AppTrial { slot: slot(version), update: sample::update(), snapshot: None };
        Ask::TrialApp { app: notes(), trial: Box::new(trial) }
    }

    fn commit(version: &str) -> Ask {
        Ask::CommitApp { app: notes(), slot: Box::new(slot(version)), previous: None }
    }

    #[test]
    fn each_change_counts_by_one() {
        let next = apply(&sample::state(), &Ask::Expand { update: sample::update() }).unwrap();
        assert_eq!((next.seq, next.core.phase), (2, CorePhase::Expand));
    }

    #[test]
    fn what_was_contracted_is_never_taken_back() {
        let raised = |state: &State, oldest_reader| {
            apply(state, &Ask::Contracted { oldest_reader }).unwrap()
        };
        let mut state = raised(&raised(&sample::state(), 3), 2);
        assert_eq!(state.core.good.oldest_reader, 3);
        state.core.make_good(sample::slot("1.1.0"));
        assert_eq!(state.core.good.oldest_reader, 3, "the data are the same");
    }

    #[test]
    fn an_app_becomes_good_only_from_its_trial() {
        let refused = apply(&sample::state(), &commit("1.0.0")).unwrap_err();
        assert_eq!(refused, Refusal::NoSuchApp(notes()));
        let begun = apply(&sample::state(), &trial("1.0.0")).unwrap();
        assert_eq!(apply(&begun, &commit("2.0.0")), Err(Refusal::NotOnTrial(notes())));
        let good = apply(&begun, &commit("1.0.0")).unwrap();
        assert_eq!(good.apps[&notes()].good, Some(slot("1.0.0")));
        assert_eq!(good.apps[&notes()].trial, None);
    }

    #[test]
    fn a_first_install_that_is_stopped_leaves_nothing() {
        let begun = apply(&sample::state(), &trial("1.0.0")).unwrap();
        let abort = Ask::Abort { update: sample::update(), app: Some(notes()), bad: None };
        assert!(apply(&begun, &abort).unwrap().apps.is_empty());
    }

    fn blamed(app: Option<PackageName>) -> (Ask, BadRelease) {
        let digest = Digest::of(b"2.0.0");
        let bad = BadRelease { digest, reason: "it does not compile".to_owned() };
        (Ask::Abort { update: sample::update(), app, bad: Some(bad.clone()) }, bad)
    }

    #[test]
    fn a_version_that_failed_before_its_trial_is_marked_and_nothing_else_changes() {
        for app in [None, Some(notes())] {
            let (abort, bad) = blamed(app);
            let before = sample::state();
            let marked = apply(&before, &abort).unwrap();
            assert_eq!(marked, State { seq: 2, bad: vec![bad], ..before });
        }
        let good = apply(&apply(&sample::state(), &trial("1.0.0")).unwrap(), &commit("1.0.0"));
        let (abort, bad) = blamed(Some(notes()));
        let marked = apply(good.as_ref().unwrap(), &abort).unwrap();
        assert_eq!((&marked.apps, marked.bad), (&good.unwrap().apps, vec![bad]));
    }

    #[test]
    fn only_the_releases_that_failed_last_are_remembered_and_the_forgotten_one_is_told() {
        let bad = |n: usize| BadRelease {
            digest: Digest::of(&n.to_le_bytes()),
            reason: "x".repeat(REASON + 1),
        };
        let mut state = sample::state();
        for n in 0..MOST_BAD {
            let before = state.clone();
            mark_bad(&mut state, Some(&bad(n)));
            assert_eq!(forgotten(&before, &state), None);
        }
        let before = state.clone();
        mark_bad(&mut state, Some(&bad(MOST_BAD)));
        assert_eq!((state.bad.len(), state.bad[0].reason.len()), (MOST_BAD, REASON));
        let told = forgotten(&before, &state).unwrap();
        assert!(told.contains(&bad(0).digest.short()), "{told}");
    }

    #[test]
    fn without_a_version_to_blame_there_must_be_something_to_stop() {
        let abort = |app| Ask::Abort { update: sample::update(), app, bad: None };
        assert_eq!(apply(&sample::state(), &abort(None)), Err(Refusal::NoUpdate));
        let unknown = apply(&sample::state(), &abort(Some(notes())));
        assert_eq!(unknown, Err(Refusal::NoSuchApp(notes())));
    }

    #[test]
    fn the_trial_of_another_update_is_left_alone() {
        let begun = apply(&sample::state(), &trial("1.0.0")).unwrap();
        let later = UpdateId::new(
            newleaf_domain::Timestamp::from_unix(1_800_000_001),
            &newleaf_domain::PlanId::of(Digest::of(b"later")),
            9,
        );
        let stop = Ask::Abort { update: later.clone(), app: Some(notes()), bad: None };
        assert_eq!(apply(&begun, &stop), Err(Refusal::AppBusy(notes(), sample::update())));
        let (_, bad) = blamed(Some(notes()));
        let blame = Ask::Abort { update: later, app: Some(notes()), bad: Some(bad) };
        assert!(apply(&begun, &blame).unwrap().apps[&notes()].trial.is_some());
    }

    #[test]
    fn a_core_on_trial_is_not_marked_behind_the_launchers_back() {
        for phase in [CorePhase::Trial, CorePhase::Probation] {
            let (abort, _) = blamed(None);
            assert_eq!(apply(&sample::trial(1, phase), &abort), Err(Refusal::NoUpdate));
        }
    }

    #[test]
    fn apps_wait_while_core_is_updated() {
        let busy = sample::trial(1, CorePhase::Trial);
        assert_eq!(apply(&busy, &trial("1.0.0")), Err(Refusal::Busy(CorePhase::Trial)));
    }

    #[test]
    fn what_runs_already_is_not_armed() {
        let ask = Ask::Arm {
            update: sample::update(),
            slot: Box::new(sample::slot("1.0.0")),
            way: Way::Forward,
            expand_within_ms: None,
        };
        let version = Version::parse("1.0.0").unwrap();
        assert_eq!(apply(&sample::state(), &ask), Err(Refusal::AlreadyGood(version)));
    }
}
