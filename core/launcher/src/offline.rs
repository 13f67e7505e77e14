//! A host that does not run: the command line holds its lock and does by the same code what a
//! worker would ask the launcher to do.

use std::time::Duration;

use newleaf_domain::UpdateId;

use crate::ask::{self, Refusal};
use crate::journal::{self, Entry, Journal, JournalError, Record};
use crate::layout::Layout;
use crate::lock::{self, HostLock, LockError, Orphans};
use crate::loss;
use crate::proto::{Answer, Ask};
use crate::state::{Image, State};
use crate::state_file::{self, Source, StateError};

/// Why a stopped host could not be worked on.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// It runs after all.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// `state` cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl OfflineError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Lock(error) => error.hint(),
            Self::State(error) => error.hint(),
            Self::Journal(error) => error.hint(),
        }
    }
}

/// How long the workers of a host that has ended are waited for: twice what they take to end
/// their requests once their launcher is gone.
pub const WORKERS_WITHIN: Duration = Duration::from_secs(10);

/// What the folder of a stopped host is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To look: neither what runs nor any app's data changes.
    Look,
    /// To change it. Workers of a host that has ended may still serve its data: they are waited
    /// for, for so long, and never ended from here.
    Change {
        /// How long.
        workers_within: Duration,
    },
}

/// The folder of a host that does not run, held until this is dropped.
#[derive(Debug)]
pub struct StoppedHost {
    lock: HostLock,
    layout: Layout,
    journal: Journal,
    state: State,
    purpose: Purpose,
    loss: Option<String>,
    tries: u8,
}

impl StoppedHost {
    /// Takes the folder.
    ///
    /// # Errors
    /// A host runs on it, workers of the last one do not go, or it holds none.
    pub fn open(layout: Layout, purpose: Purpose) -> Result<Self, OfflineError> {
        let lock = HostLock::acquire(&layout)?;
        let (mut state, source) = state_file::read_with_source(&layout)?;
        if let Purpose::Change { workers_within } = purpose {
            lock::wait_for_workers(&layout, workers_within, Orphans::Leave)?;
        }
        let mut journal = match purpose {
            Purpose::Look => Journal::for_a_look(&layout)?,
            Purpose::Change { .. } => Journal::open(&lock, &layout)?,
        };
        let loss = match source {
            Source::Current => None,
            Source::Previous(why) => {
                Some(loss::notice(&state, &why, &journal::read_from(&layout, 1)?))
            }
        };
        if let (Some(text), Purpose::Change { .. }) = (&loss, purpose) {
            journal.append(None, Entry::Notice { text: text.clone() })?;
            // A number that the lost state never had.
            state.seq += 2;
            state_file::write(&lock, &layout, &state)?;
        }
        Ok(Self { lock, layout, journal, state, purpose, loss, tries: ask::TRIES })
    }

    /// What to say of a `state` that could not be read, where that is so.
    pub fn loss(&self) -> Option<&str> {
        self.loss.as_deref()
    }

    /// Takes an empty folder and writes its first state.
    ///
    /// # Errors
    /// There is a state already, or the folder is not writable.
    pub fn create(layout: Layout, state: State) -> Result<Self, OfflineError> {
        let lock = HostLock::acquire(&layout)?;
        state_file::create(&lock, &layout, &state)?;
        let journal = Journal::open(&lock, &layout)?;
        let purpose = Purpose::Change { workers_within: Duration::ZERO };
        Ok(Self { lock, layout, journal, state, purpose, loss: None, tries: ask::TRIES })
    }

    /// What the folder was taken for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Gives a core that is laid ready so many starts, in place of [`ask::TRIES`].
    #[must_use]
    pub fn with_tries(self, tries: u8) -> Self {
        Self { tries, ..self }
    }

    /// Where everything lies.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What would run.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Appends a record, durably.
    ///
    /// # Errors
    /// The disk refused.
    pub fn append(
        &mut self,
        update: Option<UpdateId>,
        entry: Entry,
    ) -> Result<Record, OfflineError> {
        Ok(self.journal.append(update, entry)?)
    }

    /// The number of the last record.
    pub const fn last_record(&self) -> u64 {
        self.journal.last_seq()
    }

    /// Notes the program that was started as `<prefix>`, and what is to be said of it.
    ///
    /// # Errors
    /// The disk refused.
    pub fn know_image(&mut self, image: Image) -> Result<(), OfflineError> {
        let mut state = self.state.clone();
        state.seq += 1;
        state.core.image = Some(image);
        state_file::write(&self.lock, &self.layout, &state)?;
        self.state = state;
        Ok(())
    }

    /// Carries out a request as the launcher would. `Arm` of core lays the trial ready: the
    /// schema is extended and the version tried when the host starts next.
    ///
    /// # Errors
    /// The disk refused. A request that does not fit is an [`Answer::Refused`]; so is each where
    /// the folder was taken to look.
    pub fn ask(&mut self, ask: &Ask) -> Result<Answer, OfflineError> {
        if self.purpose == Purpose::Look {
            return Ok(Answer::refused("this command only looks at the folder".to_owned()));
        }
        if let Ask::Append { update, entry } = ask {
            let record = self.append(update.clone(), (**entry).clone())?;
            return Ok(Answer::Appended { record: Box::new(record) });
        }
        match self.next(ask) {
            Ok(state) => {
                state_file::write(&self.lock, &self.layout, &state)?;
                let forgotten = ask::forgotten(&self.state, &state);
                self.state = state;
                if let Some(text) = forgotten {
                    self.append(None, Entry::Notice { text })?;
                }
                Ok(Answer::Changed { state: Box::new(self.state.clone()) })
            }
            Err(refusal) => Ok(Answer::refused(refusal.to_string())),
        }
    }

    fn next(&self, ask: &Ask) -> Result<State, Refusal> {
        match ask {
            Ask::Arm { update, slot, way, expand_within_ms } => {
                ask::defer(&self.state, update, slot, *way, self.tries, *expand_within_ms)
            }
            Ask::Append { .. }
            | Ask::Expand { .. }
            | Ask::Contracted { .. }
            | Ask::TrialApp { .. }
            | Ask::CommitApp { .. }
            | Ask::Abort { .. }
            | Ask::SetApp { .. } => ask::apply(&self.state, ask, self.tries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::state::{CorePhase, Way};

    #[test]
    fn a_folder_whose_workers_have_not_gone_may_be_looked_at_and_not_changed() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        drop(StoppedHost::create(layout.clone(), sample::state()).unwrap());
        let orphan = lock::hold_workers(&layout).unwrap();
        let change = Purpose::Change { workers_within: Duration::from_millis(30) };
        let refused = StoppedHost::open(layout.clone(), change).unwrap_err();
        assert!(
            matches!(refused, OfflineError::Lock(LockError::WorkersRemain { .. })),
            "{refused}"
        );
        assert!(refused.hint().contains("ps -ef"), "{}", refused.hint());
        let mut looks = StoppedHost::open(layout.clone(), Purpose::Look).unwrap();
        let before = (std::fs::read(layout.state()).unwrap(), looks.journal.last_seq());
        let entry = Box::new(Entry::Notice { text: "changed".to_owned() });
        for ask in [Ask::Append { update: None, entry }, Ask::Expand { update: sample::update() }] {
            assert!(matches!(looks.ask(&ask).unwrap(), Answer::Refused { .. }));
        }
        assert_eq!((std::fs::read(layout.state()).unwrap(), looks.journal.last_seq()), before);
        drop((looks, orphan));
        StoppedHost::open(layout, change).unwrap();
    }

    #[test]
    fn a_torn_state_is_told_to_each_command_and_mended_by_a_change() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let mut host = StoppedHost::create(layout.clone(), sample::state()).unwrap();
        host.ask(&Ask::Expand { update: sample::update() }).unwrap();
        drop(host);
        std::fs::write(layout.state(), b"torn").unwrap();
        let looks = StoppedHost::open(layout.clone(), Purpose::Look).unwrap();
        assert!(looks.loss().unwrap().starts_with(loss::FELL_BACK));
        assert_eq!(looks.journal.last_seq(), 0, "a look writes nothing");
        drop(looks);
        let change = Purpose::Change { workers_within: Duration::ZERO };
        let changes = StoppedHost::open(layout.clone(), change).unwrap();
        assert!(changes.loss().is_some());
        assert_eq!(changes.state().seq, 3, "1 was written, 2 was lost");
        drop(changes);
        assert_eq!(StoppedHost::open(layout.clone(), Purpose::Look).unwrap().loss(), None);
        assert_eq!(journal::read_from(&layout, 1).unwrap().len(), 1);
    }

    #[test]
    fn a_stopped_host_lays_the_trial_ready_for_its_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let host = StoppedHost::create(layout.clone(), sample::state()).unwrap();
        let mut host = host.with_tries(3);
        let arm = Ask::Arm {
            update: sample::update(),
            slot: Box::new(sample::slot("1.1.0")),
            way: Way::Forward,
            expand_within_ms: Some(90_000),
        };
        assert!(matches!(host.ask(&arm).unwrap(), Answer::Changed { .. }));
        drop(host);
        let core = state_file::read(&layout).unwrap().core;
        let trial = core.trial.unwrap();
        assert_eq!((core.phase, trial.tries), (CorePhase::Expand, 3));
        assert_eq!(trial.expand_within_ms, Some(90_000), "what the rehearsal told is kept");
    }
}
