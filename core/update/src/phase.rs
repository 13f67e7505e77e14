//! Where an update stands, and what follows: one table for core and for apps.
//!
//! The table says what a crash means, too. A state is journaled before its step runs, so whoever
//! starts after a crash reads the last state, gives it [`Verdict::Interrupted`] and does what the
//! table says. Three things follow from it:
//!
//! - Until an app's snapshot is complete nothing has changed: the update is *undone*.
//! - From then until `state` names the new version as good, the data may be half migrated: the
//!   snapshot is put back and the version before serves. A recovery that finds `state` written
//!   counts the step as passed, since what is found done is not done again.
//! - After it the new version serves, and its probation begins anew.
//!
//! From point A on (the step *activate*) core's states are the launcher's, which goes on by
//! `state`; here they only follow what it records.

use newleaf_domain::Target;
use newleaf_launcher::journal::{Ending, StepId};

/// What is updated, as far as the order of steps differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The product itself.
    Core,
    /// An app.
    App,
}

impl Kind {
    /// The kind of `target`.
    pub const fn of(target: &Target) -> Self {
        match target {
            Target::Core => Self::Core,
            Target::App(_) => Self::App,
        }
    }
}

/// Where an update stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// This step is under way, or is the next to begin.
    At(StepId),
    /// It is over.
    Ended(Ending),
}

/// How a step came out, as the table needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Done, skipped with a reason, or done with a warning.
    Passed,
    /// Failed.
    Failed,
    /// Broken off by the end of the process.
    Interrupted,
    /// Ready, and left for the next start of the host.
    Deferred,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Passed, Self::Failed, Self::Interrupted, Self::Deferred];
}

/// A verdict that a state cannot have: a fault of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an update of {kind:?} at {state:?} cannot be {verdict:?}")]
pub struct Refused {
    /// What is updated.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// What was said.
    pub verdict: Verdict,
}

impl State {
    /// Where every update begins.
    pub const FIRST: Self = Self::At(StepId::Check);

    /// The state that follows; the whole policy, one line a transition.
    ///
    /// # Errors
    /// The state cannot have this verdict.
    pub const fn next(self, kind: Kind, verdict: Verdict) -> Result<Self, Refused> {
        use Kind::{App, Core};
        use State::{At, Ended};
        use StepId::{
            Activate, Check, Commit, Expand, Fetch, Health, Hold, Migrate, Prewarm, Probe,
            Rehearse, Release, Rollback, Snapshot, Stage, Verify,
        };
        use Verdict::{Deferred, Failed, Interrupted, Passed};
        Ok(match (kind, self, verdict) {
            // Beside the running version; nothing has changed yet.
            (_, At(Check), Passed) => At(Fetch),
            (_, At(Fetch), Passed) => At(Verify),
            (_, At(Verify), Passed) => At(Stage),
            (_, At(Stage), Passed) => At(Rehearse),
            (_, At(Rehearse), Passed) => At(Prewarm),
            (Core, At(Prewarm), Passed) => At(Expand),
            (App, At(Prewarm), Passed) => At(Hold),
            (_, At(Check | Fetch | Verify | Stage | Rehearse | Prewarm), Failed) => {
                Ended(Ending::Failed)
            }
            (_, At(Check | Fetch | Verify | Stage | Rehearse | Prewarm), Interrupted) => {
                Ended(Ending::Undone)
            }
            // Core: the schema grows, then the launcher switches.
            (Core, At(Expand), Passed) => At(Activate),
            (Core, At(Expand), Deferred) => Ended(Ending::Deferred),
            (Core, At(Activate), Passed) => At(Probe),
            (Core, At(Probe), Passed) => At(Commit),
            (Core, At(Expand | Activate | Probe | Commit), Failed) => At(Rollback),
            (Core, At(Expand), Interrupted) => Ended(Ending::Undone),
            (Core, At(Activate), Interrupted) => At(Activate),
            (Core, At(Probe), Interrupted) => At(Activate),
            (Core, At(Commit), Interrupted) => At(Activate),
            // App: held, copied, migrated, switched, released.
            (App, At(Hold), Passed) => At(Snapshot),
            (App, At(Snapshot), Passed) => At(Migrate),
            (App, At(Migrate), Passed) => At(Health),
            (App, At(Health), Passed) => At(Activate),
            (App, At(Activate), Passed) => At(Release),
            (App, At(Release), Passed) => At(Commit),
            (App, At(Hold | Snapshot | Migrate | Health | Activate | Release | Commit), Failed) => {
                At(Rollback)
            }
            (App, At(Hold | Snapshot), Interrupted) => Ended(Ending::Undone),
            (App, At(Migrate | Health | Activate), Interrupted) => At(Rollback),
            (App, At(Release | Commit), Interrupted) => At(Commit),
            // Both.
            (_, At(Commit), Passed) => Ended(Ending::Committed),
            (_, At(Rollback), Passed) => Ended(Ending::RolledBack),
            (_, At(Rollback), Failed) => Ended(Ending::Failed),
            (_, At(Rollback), Interrupted) => At(Rollback),
            (kind, state, verdict) => return Err(Refused { kind, state, verdict }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(state: State) -> String {
        match state {
            State::At(step) => step.to_string(),
            State::Ended(ending) => {
                format!("ended: {}", serde_json::to_value(ending).unwrap().as_str().unwrap())
            }
        }
    }

    #[test]
    fn the_whole_table() {
        let line = |first: &str, cells: [String; 4]| {
            let cells = cells.map(|cell| format!(" | {cell:18}")).concat();
            format!("{first:10}{cells}").trim_end().to_owned()
        };
        let mut lines = Vec::new();
        for kind in [Kind::Core, Kind::App] {
            lines.push(line(
                &format!("{kind:?}"),
                Verdict::ALL.map(|verdict| format!("{verdict:?}")),
            ));
            lines.extend(StepId::ALL.map(|step| {
                let next = |verdict| State::At(step).next(kind, verdict);
                let cell = |verdict| next(verdict).map_or_else(|_| "-".to_owned(), show);
                line(step.as_str(), Verdict::ALL.map(cell))
            }));
        }
        let text = lines.join("\n");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn an_update_that_ended_has_no_next_state() {
        for ending in [
            Ending::Committed,
            Ending::Failed,
            Ending::Undone,
            Ending::RolledBack,
            Ending::Deferred,
        ] {
            for verdict in Verdict::ALL {
                assert!(State::Ended(ending).next(Kind::App, verdict).is_err());
                assert!(State::Ended(ending).next(Kind::Core, verdict).is_err());
            }
        }
    }

    #[test]
    fn passing_every_step_walks_the_steps_people_are_shown() {
        for (kind, steps) in
            [(Kind::Core, StepId::CORE.to_vec()), (Kind::App, StepId::APP.to_vec())]
        {
            let mut walked = Vec::new();
            let mut state = State::FIRST;
            while let State::At(step) = state {
                walked.push(step);
                state = state.next(kind, Verdict::Passed).unwrap();
            }
            assert_eq!((walked, state), (steps, State::Ended(Ending::Committed)));
        }
    }
}
