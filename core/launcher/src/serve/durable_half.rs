//! The half of the shell that a crash must not lose: journal and state.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::ServeError;
use super::test_point::TestPoint;
use crate::journal::{Journal, Record};
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
    test_point: TestPoint,
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
                self.written = Some(state.clone());
                Ok(Some(Made::State(state.clone())))
            }
            Effect::Answer { .. }
            | Effect::Spawn { .. }
            | Effect::Probe(_)
            | Effect::Go(_)
            | Effect::Drain(_)
            | Effect::Kill(_)
            | Effect::Expand(_)
            | Effect::OpenRecovery(_)
            | Effect::CloseRecovery
            | Effect::Wake(..)
            | Effect::Exit => Ok(None),
        }
    }
}

/// Effects that wait because the disk refused the first of them.
///
/// Until it is accepted nothing else is decided: what runs goes on running, and no act goes
/// ahead of its record.
#[derive(Debug)]
pub(super) struct Stuck {
    pub(super) effects: VecDeque<Effect>,
    pub(super) again: Instant,
}

impl Stuck {
    pub(super) fn new(effects: VecDeque<Effect>) -> Self {
        Self { effects, again: Instant::now() + RETRY }
    }
}
