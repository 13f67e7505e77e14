//! No host runs: this process holds the folder's lock and does what the launcher would.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use newleaf_domain::UpdateId;
use newleaf_launcher::journal::{Entry, Record};
use newleaf_launcher::proto::{Answer, Ask};
use newleaf_launcher::state::State;
use newleaf_launcher::{Layout, StoppedHost};
use newleaf_update::port::{Launcher, LauncherError, News, Reach};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::super::files::blocking;
use super::JournalReader;

/// News that a slow listener may fall behind before it misses some.
const BACKLOG: usize = 256;

/// The folder of a host that does not run.
#[derive(Debug, Clone)]
pub(crate) struct FolderLauncher {
    host: Arc<Mutex<StoppedHost>>,
    journal: JournalReader,
    news: broadcast::Sender<News>,
}

impl FolderLauncher {
    /// Takes the folder over until the last clone is dropped.
    pub(crate) fn new(host: StoppedHost, layout: &Layout) -> Self {
        let journal = JournalReader::new(layout);
        Self { host: Arc::new(Mutex::new(host)), journal, news: broadcast::Sender::new(BACKLOG) }
    }

    fn lock(&self) -> MutexGuard<'_, StoppedHost> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, ask: Ask) -> Result<Answer, LauncherError> {
        let launcher = self.clone();
        let answered = blocking(move || launcher.lock().ask(&ask)).await;
        answered.map_err(|error| super::io("change the host's folder", &error))
    }

    /// Nobody need listen.
    fn tell(&self, news: News) {
        drop(self.news.send(news));
    }
}

#[async_trait]
impl Launcher for FolderLauncher {
    fn reach(&self) -> Reach {
        Reach::Folder
    }

    fn state(&self) -> Arc<State> {
        Arc::new(self.lock().state().clone())
    }

    async fn append(
        &self,
        update: Option<&UpdateId>,
        entry: Entry,
    ) -> Result<Record, LauncherError> {
        let ask = Ask::Append { update: update.cloned(), entry: Box::new(entry) };
        let record = super::appended(self.send(ask).await?)?;
        self.tell(News::Record(Box::new(record.clone())));
        Ok(record)
    }

    async fn ask(&self, ask: Ask) -> Result<Arc<State>, LauncherError> {
        let state = super::changed(self.send(ask).await?)?;
        self.tell(News::State(Arc::clone(&state)));
        Ok(state)
    }

    async fn records(&self, after: u64) -> Result<Vec<Record>, LauncherError> {
        self.journal.after(after).await
    }

    fn subscribe(&self) -> BoxStream<'static, News> {
        let told = BroadcastStream::new(self.news.subscribe());
        told.map(|news| news.unwrap_or_else(|BroadcastStreamRecvError::Lagged(_)| News::Missed))
            .boxed()
    }
}
