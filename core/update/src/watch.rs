//! Lets people watch an update: the records after one they have seen, then live ones, without a
//! gap, however late they come and however slow they read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use newleaf_domain::UpdateId;
use newleaf_launcher::journal::{Entry, Record, StepId};
use tokio::sync::{broadcast, watch};

use crate::Updater;
use crate::hub::Told;
use crate::port::{LauncherError, News};
use crate::view::{Progress, Report};

/// What a viewer gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a viewer holds one at a time")]
pub enum Watch {
    /// A record of the journal; its number is the id to resume from.
    Record(Record),
    /// How far the running step is. Some of these may be missed.
    Progress {
        /// The step.
        step: StepId,
        /// How far.
        progress: Progress,
    },
    /// The update is over; nothing follows.
    Ended,
}

impl Updater {
    /// Everything of one update after the record numbered `after`, then what happens, to the end.
    /// The stream also ends where the launcher is gone, or the disk does not take the update's
    /// records ([`Updater::interruption`]); a viewer then comes back with the number of the last record it saw, to whoever serves by then.
    pub fn watch(
        self: &Arc<Self>,
        id: &UpdateId,
        after: u64,
    ) -> impl Stream<Item = Watch> + Send + 'static + use<> {
        // Listen first, read second: nothing falls between.
        let viewer = Viewer {
            news: self.ports().launcher.subscribe(),
            steps: self.hub().listen(),
            interrupted: self.hub().interruptions(),
            updater: self.clone(),
            id: id.clone(),
            seen: after,
            waiting: VecDeque::new(),
            stage: Stage::Behind,
        };
        stream::unfold(viewer, Viewer::next)
    }

    /// Waits until an update is over. None where the journal has no such update, the launcher went
    /// away before its end, or that could not be recorded.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn finished(
        self: &Arc<Self>,
        id: &UpdateId,
    ) -> Result<Option<Report>, LauncherError> {
        if self.report(id).await?.is_none() {
            return Ok(None);
        }
        let mut watch = std::pin::pin!(self.watch(id, 0));
        while watch.next().await.is_some() {}
        Ok(self.report(id).await?.filter(|report| report.ending.is_some()))
    }
}

/// Where a viewer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The journal must be read before live news can be taken.
    Behind,
    /// Live.
    Live,
    /// The end was told.
    Over,
}

struct Viewer {
    updater: Arc<Updater>,
    id: UpdateId,
    news: BoxStream<'static, News>,
    steps: broadcast::Receiver<Told>,
    interrupted: watch::Receiver<BTreeMap<UpdateId, String>>,
    seen: u64,
    waiting: VecDeque<Watch>,
    stage: Stage,
}

impl Viewer {
    async fn next(mut self) -> Option<(Watch, Self)> {
        loop {
            if let Some(watch) = self.waiting.pop_front() {
                return Some((watch, self));
            }
            match self.stage {
                Stage::Over => return None,
                Stage::Behind => self.catch_up().await?,
                Stage::Live => self.listen().await?,
            }
        }
    }

    /// Reads what the journal has after the last record seen. None where it cannot be read.
    async fn catch_up(&mut self) -> Option<()> {
        let records = match self.updater.ports().launcher.records(self.seen).await {
            Ok(records) => records,
            Err(error) => {
                tracing::warn!(update = %self.id, %error, "a viewer lost the journal");
                return None;
            }
        };
        self.stage = Stage::Live;
        for record in records {
            self.take(record);
        }
        // Someone who has seen the end already is told so, not left to wait.
        let over = self.updater.ledger().await.ok()?.has_ended(&self.id);
        if over && self.stage == Stage::Live {
            self.finish();
        }
        Some(())
    }

    /// Waits for news. None where the launcher is gone, or nobody will record the end.
    async fn listen(&mut self) -> Option<()> {
        let is_interrupted = self.interrupted.borrow_and_update().contains_key(&self.id);
        tokio::select! {
            biased;
            news = self.news.next() => match news? {
                News::Record(record) if record.seq == self.seen + 1 => self.take(*record),
                News::Record(record) if record.seq <= self.seen => {}
                News::Record(_) | News::Missed => self.stage = Stage::Behind,
                News::State(_) => {}
            },
            // What was recorded before is told first.
            () = std::future::ready(()), if is_interrupted => return None,
            // Where the updater is gone, its news end too.
            Ok(()) = self.interrupted.changed() => {}
            step = self.steps.recv() => {
                // Lagged: the next progress says all that the missed ones did.
                if let Ok(Told { update, step, progress }) = step
                    && update == self.id
                {
                    self.waiting.push_back(Watch::Progress { step, progress });
                }
            }
        }
        Some(())
    }

    fn take(&mut self, record: Record) {
        self.seen = record.seq;
        if self.stage == Stage::Over || record.update.as_ref() != Some(&self.id) {
            return;
        }
        let is_end = matches!(record.entry, Entry::Ended { .. });
        self.waiting.push_back(Watch::Record(record));
        if is_end {
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.waiting.push_back(Watch::Ended);
        self.stage = Stage::Over;
    }
}
