//! The half of the shell that a crash must not lose: journal and state.

use std::collections::VecDeque;
use std::io::Write as _;
use std::time::{Duration, Instant};

use newleaf_domain::UpdateId;

use super::ServeError;
use super::test_point::TestPoint;
use crate::durable::chain;
use crate::journal::{Entry, Journal, Record};
use crate::layout::Layout;
use crate::lock::HostLock;
use crate::state::State;
use crate::state_file;
use crate::supervisor::Effect;

/// How long to wait before a write is tried again that the disk refused.
const RETRY: Duration = Duration::from_secs(1);

/// What was made durable, for those who watch.
#[derive(Debug)]
pub(super) enum Made {
    Record(Box<Record>),
    State(Box<State>),
}

/// Journal and state, and the proof that only this process writes them.
#[derive(Debug)]
pub(super) struct Durable {
    lock: HostLock,
    layout: Layout,
    journal: Journal,
    pub(super) test_point: TestPoint,
    /// The record that was appended last.
    pub(super) last: Option<Record>,
    /// The state that was written last.
    pub(super) written: Option<Box<State>>,
}

impl Durable {
    pub(super) fn new(
        lock: HostLock,
        layout: Layout,
        journal: Journal,
    ) -> Result<Self, ServeError> {
        let test_point = TestPoint::from_environment()
            .map_err(ServeError::system("take over the test descriptor"))?;
        Ok(Self { lock, layout, journal, test_point, last: None, written: None })
    }

    /// What a successor needs to go on writing.
    pub(super) const fn lock(&self) -> &HostLock {
        &self.lock
    }

    /// Appends a notice. Where the disk refuses, it is told on standard error instead.
    pub(super) fn note(&mut self, update: Option<UpdateId>, text: &str) -> Option<Made> {
        let entry = Entry::Notice { text: text.to_owned() };
        match self.carry_out(&Effect::Append { update, entry }) {
            Ok(made) => made,
            Err(error) => {
                log(&format!("{text} (not in the journal: {})", chain(&error)));
                None
            }
        }
    }

    /// Carries out a durable effect; gives nothing for one that is not.
    pub(super) fn carry_out(&mut self, effect: &Effect) -> Result<Option<Made>, ServeError> {
        match effect {
            Effect::Append { update, entry } => {
                let record = self.journal.append(update.clone(), entry.clone())?;
                self.test_point.reached(record.seq);
                self.last = Some(record.clone());
                Ok(Some(Made::Record(Box::new(record))))
            }
            Effect::Write(state) => {
                state_file::write(&self.lock, &self.layout, state)?;
                self.test_point.wrote(state.seq);
                self.written = Some(state.clone());
                Ok(Some(Made::State(state.clone())))
            }
            Effect::Notice { .. }
            | Effect::Answer { .. }
            | Effect::AnswerOrder { .. }
            | Effect::Spawn { .. }
            | Effect::Probe(_)
            | Effect::Pulse(_)
            | Effect::Go(_)
            | Effect::Drain(..)
            | Effect::Kill(_)
            | Effect::Succeed(_)
            | Effect::Expand(_)
            | Effect::OpenRecovery(_)
            | Effect::CloseRecovery
            | Effect::Wake(..)
            | Effect::Exit => Ok(None),
        }
    }
}

/// Says something where the journal cannot hold it: on standard error.
pub(super) fn log(text: &str) {
    // Where that is closed too, nobody is left to tell.
    drop(std::io::stderr().write_all(format!("{text}\n").as_bytes()));
}

/// Whether the disk must take an effect before those behind it are carried out.
pub(super) const fn is_durable(effect: &Effect) -> bool {
    matches!(effect, Effect::Append { .. } | Effect::Write(_))
}

/// Effects that wait because the disk refused the first of them.
///
/// No act goes ahead of the record before it. What a later turn does before its own first record
/// is carried out meanwhile: so the good version can be started, probed and told to go.
#[derive(Debug)]
pub(super) struct Stuck {
    pub(super) effects: VecDeque<Effect>,
    pub(super) again: Instant,
    /// What the disk said.
    pub(super) why: String,
}

impl Stuck {
    pub(super) fn new(effects: VecDeque<Effect>, why: String) -> Self {
        Self { effects, again: Instant::now() + RETRY, why }
    }
}
