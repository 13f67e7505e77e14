//! A launcher on a fake disk, with the real rules of `state`. It can die at any record.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use newleaf_domain::{Clock, Target, UpdateId};
use newleaf_launcher::ask;
use newleaf_launcher::journal::{Cause, Ending, Entry, Failure, Outcome, Record, StepId};
use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::{BadRelease, CorePhase, CoreSlot, State, Way};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::FakeClock;
use super::disk::Disk;
use crate::port::{Launcher, LauncherError, News, Reach};

/// What becomes of a core that is put on trial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LauncherWay {
    /// It passes.
    #[default]
    Commits,
    /// Its probe fails, and the version before goes on.
    RollsBack,
    /// It stays on trial.
    Waits,
    /// No host runs.
    Absent,
    /// An older worker still drains: it passes, but no update of an app begins.
    Drains,
}

/// Appends, changes, tells; after [`FakeLauncher::die_after`] so many records it is gone, after
/// [`FakeLauncher::refuse_after`] its disk is full.
#[derive(Debug)]
pub struct FakeLauncher {
    disk: Arc<Disk>,
    clock: Arc<FakeClock>,
    news: broadcast::Sender<News>,
    left: Mutex<Option<usize>>,
    room: Mutex<Option<usize>>,
    way: Mutex<LauncherWay>,
    refuses: Mutex<Option<String>>,
}

impl FakeLauncher {
    pub(super) fn new(disk: Arc<Disk>, clock: Arc<FakeClock>) -> Self {
        let (news, _) = broadcast::channel(256);
        Self {
            disk,
            clock,
            news,
            left: Mutex::new(None),
            room: Mutex::new(None),
            way: Mutex::default(),
            refuses: Mutex::default(),
        }
    }

    /// Says from now on why it cannot write down what it has to; none where it can.
    pub fn set_refuses(&self, why: Option<&str>) {
        *self.refuses.lock().unwrap_or_else(PoisonError::into_inner) = why.map(str::to_owned);
    }

    /// The process dies right after `records` more records are on disk.
    pub fn die_after(&self, records: usize) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(records);
    }

    /// The disk has room for so many more records, and then for no record and no state; none for
    /// as many as come.
    pub fn refuse_after(&self, records: Option<usize>) {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = records;
    }

    fn has_room(&self) -> Result<(), LauncherError> {
        match *self.room.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(0) => Err(LauncherError::Refused {
                why: "the host could not write it down: No space left on device".to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the process still lives.
    pub fn is_alive(&self) -> bool {
        self.alive().is_ok()
    }

    /// What becomes of a core on trial.
    pub fn set_way(&self, way: LauncherWay) {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner) = way;
    }

    fn way(&self) -> LauncherWay {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn alive(&self) -> Result<(), LauncherError> {
        match *self.left.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(0) => Err(LauncherError::Gone),
            Some(_) | None => Ok(()),
        }
    }

    fn write(&self, update: Option<&UpdateId>, entry: Entry) -> Result<Record, LauncherError> {
        self.alive()?;
        self.has_room()?;
        let record = {
            let mut disk = self.disk.lock();
            let seq = disk.journal.last().map_or(0, |record| record.seq) + 1;
            let record = Record { seq, at: self.clock.now(), update: update.cloned(), entry };
            disk.journal.push(record.clone());
            record
        };
        // Nobody need listen.
        let _ = self.news.send(News::Record(Box::new(record.clone())));
        for left in [&self.left, &self.room] {
            if let Some(left) = &mut *left.lock().unwrap_or_else(PoisonError::into_inner) {
                *left -= 1;
            }
        }
        Ok(record)
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> Arc<State> {
        let mut disk = self.disk.lock();
        change(&mut disk.state);
        Arc::new(disk.state.clone())
    }

    /// What the launcher does from point A on, at once.
    fn try_core(&self, update: &UpdateId, slot: &CoreSlot, way: Way) -> Result<(), LauncherError> {
        let step = |step| self.write(Some(update), Entry::Started { step });
        let done = |step| {
            let outcome = Outcome::Done { detail: String::new() };
            self.write(Some(update), Entry::Finished { step, outcome })
        };
        step(StepId::Activate)?;
        done(StepId::Activate)?;
        step(StepId::Probe)?;
        if self.way() == LauncherWay::RollsBack {
            return self.take_core_back(update, slot);
        }
        done(StepId::Probe)?;
        step(StepId::Commit)?;
        self.change(|state| {
            let old = std::mem::replace(&mut state.core.good, slot.clone());
            state.core.previous = (way == Way::Forward).then_some(old);
            state.core.trial = None;
            state.core.phase = CorePhase::Idle;
            state.seq += 1;
        });
        done(StepId::Commit)?;
        self.write(Some(update), Entry::Ended { ending: Ending::Committed, reason: None })?;
        Ok(())
    }

    fn take_core_back(&self, update: &UpdateId, slot: &CoreSlot) -> Result<(), LauncherError> {
        let what = format!("{} answered its probe with 503", slot.version);
        let failure = Failure {
            what: what.clone(),
            done: "the version before goes on".to_owned(),
            todo: String::new(),
            cause: Cause::Release,
        };
        self.write(Some(update), Entry::Failed { step: StepId::Probe, failure })?;
        self.write(Some(update), Entry::Started { step: StepId::Rollback })?;
        self.change(|state| {
            state.core.trial = None;
            state.core.phase = CorePhase::Idle;
            state.bad.push(BadRelease { digest: slot.digest, reason: what.clone() });
            state.seq += 1;
        });
        let outcome = Outcome::Done { detail: String::new() };
        self.write(Some(update), Entry::Finished { step: StepId::Rollback, outcome })?;
        self.write(Some(update), Entry::Ended { ending: Ending::RolledBack, reason: Some(what) })?;
        Ok(())
    }
}

#[async_trait]
impl Launcher for FakeLauncher {
    fn reach(&self) -> Reach {
        if self.way() == LauncherWay::Absent { Reach::Folder } else { Reach::Host }
    }

    fn state(&self) -> Arc<State> {
        Arc::new(self.disk.state())
    }

    fn refuses(&self) -> Option<String> {
        self.refuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn append(
        &self,
        update: Option<&UpdateId>,
        entry: Entry,
    ) -> Result<Record, LauncherError> {
        let begins =
            matches!(&entry, Entry::Began { target: Target::App(_), way: Way::Forward, .. });
        if begins && self.way() == LauncherWay::Drains {
            return Err(LauncherError::Busy { why: "an older worker still finishes".to_owned() });
        }
        self.write(update, entry)
    }

    async fn ask(&self, request: Ask) -> Result<Arc<State>, LauncherError> {
        self.alive()?;
        self.has_room()?;
        let before = self.disk.state();
        let next = match (&request, self.reach()) {
            (Ask::Arm { update, slot, way, expand_within_ms }, Reach::Folder) => {
                ask::defer(&before, update, slot, *way, ask::TRIES, *expand_within_ms)
            }
            (_, Reach::Folder | Reach::Host) => ask::apply(&before, &request, ask::TRIES),
        };
        let next = next.map_err(|refusal| LauncherError::Refused { why: refusal.to_string() })?;
        let state = self.change(|state| *state = next);
        if let Ask::Arm { update, slot, way, .. } = &request
            && matches!(self.way(), LauncherWay::Commits | LauncherWay::RollsBack)
        {
            self.try_core(update, slot, *way)?;
        }
        Ok(state)
    }

    async fn records(&self, after: u64) -> Result<Vec<Record>, LauncherError> {
        let disk = self.disk.lock();
        Ok(disk.journal.iter().filter(|record| record.seq > after).cloned().collect())
    }

    fn subscribe(&self) -> BoxStream<'static, News> {
        let news = BroadcastStream::new(self.news.subscribe());
        news.map(|news| news.unwrap_or_else(|BroadcastStreamRecvError::Lagged(_)| News::Missed))
            .boxed()
    }
}
