//! The launcher beside this worker.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use newleaf_domain::UpdateId;
use newleaf_launcher::Layout;
use newleaf_launcher::journal::{Entry, Record};
use newleaf_launcher::proto::{Answer, Ask};
use newleaf_launcher::state::State;
use newleaf_update::port::{Launcher, LauncherError, News, Reach};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::JournalReader;
use crate::worker::{self, Control, ControlError};

/// Asks over the inherited socket.
#[derive(Debug)]
pub(crate) struct WorkerLauncher {
    control: Control,
    journal: JournalReader,
    /// The newest state an answer brought: the broadcast of the same change may come later.
    answered: Mutex<Arc<State>>,
}

impl WorkerLauncher {
    /// The launcher at the other end of `control`.
    pub(crate) fn new(control: Control, layout: &Layout) -> Self {
        let answered = Mutex::new(control.state());
        Self { control, journal: JournalReader::new(layout), answered }
    }

    async fn send(&self, ask: Ask) -> Result<Answer, LauncherError> {
        self.control.ask(ask).await.map_err(|error| match error {
            ControlError::Gone => LauncherError::Gone,
            ControlError::Wire(_) => super::io("ask the launcher", &error),
        })
    }
}

#[async_trait]
impl Launcher for WorkerLauncher {
    fn reach(&self) -> Reach {
        Reach::Host
    }

    fn state(&self) -> Arc<State> {
        let told = self.control.state();
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.seq > told.seq { Arc::clone(&answered) } else { told }
    }

    fn refuses(&self) -> Option<String> {
        self.control.disk_refuses()
    }

    async fn append(
        &self,
        update: Option<&UpdateId>,
        entry: Entry,
    ) -> Result<Record, LauncherError> {
        let ask = Ask::Append { update: update.cloned(), entry: Box::new(entry) };
        super::appended(self.send(ask).await?)
    }

    async fn ask(&self, ask: Ask) -> Result<Arc<State>, LauncherError> {
        let state = super::changed(self.send(ask).await?)?;
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if state.seq >= answered.seq {
            *answered = Arc::clone(&state);
        }
        Ok(state)
    }

    async fn records(&self, after: u64) -> Result<Vec<Record>, LauncherError> {
        self.journal.after(after).await
    }

    fn subscribe(&self) -> BoxStream<'static, News> {
        let told = BroadcastStream::new(self.control.subscribe());
        told.map(|news| match news {
            Ok(worker::News::Record(record)) => News::Record(Box::new((*record).clone())),
            Ok(worker::News::State(state)) => News::State(state),
            Err(BroadcastStreamRecvError::Lagged(_)) => News::Missed,
        })
        .boxed()
    }
}
