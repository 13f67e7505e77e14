//! The way to the launcher: orders come in, requests go out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use newleaf_launcher::journal::Record;
use newleaf_launcher::proto::{Answer, Ask, Heir, Repair, ToLauncher, ToWorker};
use newleaf_launcher::state::State;
use newleaf_launcher::wire::{Blocking, Wire, WireError};
use tokio::sync::{broadcast, oneshot, watch};

/// News that a slow listener may fall behind before it misses some.
const BACKLOG: usize = 1024;

/// What the launcher told everyone.
#[derive(Debug, Clone)]
pub enum News {
    /// A record was appended to the journal.
    Record(Arc<Record>),
    /// `state` was replaced.
    State(Arc<State>),
}

/// What the launcher wants of this worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// To wait: nothing may be accepted yet.
    Waiting,
    /// To serve. The worker holds the baton: the right to ask for changes.
    Serving,
    /// To finish within this time, while that one serves.
    Draining(Duration, Heir),
    /// The launcher is gone; nobody will tell anything any more.
    Orphaned,
}

/// Why a request was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The launcher is gone.
    #[error("the launcher is gone")]
    Gone,
    /// The request could not be sent.
    #[error("ask the launcher")]
    Wire(#[source] WireError),
}

/// A handle of the control socket. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wire: Wire,
    next: AtomicU64,
    asked: Mutex<Asked>,
    news: broadcast::Sender<News>,
    standing: watch::Sender<Standing>,
    state: watch::Sender<Arc<State>>,
    pulse: watch::Sender<()>,
    disk: watch::Sender<Option<String>>,
}

/// Requests that wait for their answer.
#[derive(Debug, Default)]
struct Asked {
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    is_over: bool,
}

impl Control {
    /// Starts to listen, on a thread of its own.
    ///
    /// # Errors
    /// The socket cannot be duplicated, or no thread can be started.
    pub fn start(wire: Wire, state: State) -> std::io::Result<Self> {
        let reader = wire.try_clone().map_err(std::io::Error::other)?;
        let inner = Arc::new(Inner {
            wire,
            next: AtomicU64::new(1),
            asked: Mutex::default(),
            news: broadcast::Sender::new(BACKLOG),
            standing: watch::Sender::new(Standing::Waiting),
            state: watch::Sender::new(Arc::new(state)),
            pulse: watch::Sender::new(()),
            disk: watch::Sender::new(None),
        });
        let heard = Arc::clone(&inner);
        std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || heard.listen(&reader))?;
        Ok(Self(inner))
    }

    /// What runs, as last told.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.0.state.borrow())
    }

    /// Why the launcher cannot write down what it has to, where that is so now.
    pub(crate) fn disk_refuses(&self) -> Option<String> {
        self.0.disk.borrow().clone()
    }

    /// What the launcher wants now.
    pub fn standing(&self) -> Standing {
        *self.0.standing.borrow()
    }

    /// What the launcher wants, each time it changes.
    pub fn watch_standing(&self) -> watch::Receiver<Standing> {
        self.0.standing.subscribe()
    }

    /// Answers, for as long as there is a launcher, each time it asks whether this worker still
    /// works. Here and not where the question is heard, because it is the runtime that works on
    /// requests: one that hangs cannot answer.
    pub(super) fn show_life(self) -> impl Future<Output = ()> + Send {
        // What is asked from this moment on is answered, whenever the runtime begins with it.
        let mut asked = self.0.pulse.subscribe();
        async move {
            while asked.changed().await.is_ok() {
                if self.send(&ToLauncher::Pulse).is_err() {
                    return;
                }
            }
        }
    }

    /// Whether this worker may ask for changes.
    pub fn has_baton(&self) -> bool {
        self.standing() == Standing::Serving
    }

    /// Waits until the worker was told to go; false where that will never happen.
    pub async fn baton(&self) -> bool {
        let mut standing = self.watch_standing();
        let told = standing.wait_for(|standing| *standing != Standing::Waiting).await;
        told.is_ok_and(|standing| *standing == Standing::Serving)
    }

    /// Everything the launcher tells from now on. A listener that falls behind is told that it
    /// missed something and reads the journal.
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.0.news.subscribe()
    }

    /// Asks for a change and waits for the answer.
    ///
    /// # Errors
    /// The launcher is gone. A refusal is an answer.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, ControlError> {
        self.request(|id| ToLauncher::Ask { id, ask }).await
    }

    /// Orders a repair and waits for the answer. Only the recovery page is heard.
    ///
    /// # Errors
    /// As for [`Control::ask`].
    pub(crate) async fn order(&self, repair: Repair) -> Result<Answer, ControlError> {
        self.request(|id| ToLauncher::Repair { id, repair }).await
    }

    async fn request(
        &self,
        message: impl FnOnce(u64) -> ToLauncher,
    ) -> Result<Answer, ControlError> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.0.expect(id, sender)?;
        self.send(&message(id)).inspect_err(|_| self.0.forget(id))?;
        answer.await.map_err(|_| ControlError::Gone)
    }

    /// Sends a message that has no answer.
    pub(super) fn send(&self, message: &ToLauncher) -> Result<(), ControlError> {
        self.0.wire.send(message, &[], Blocking::Yes).map_err(|error| match error {
            WireError::Closed => ControlError::Gone,
            error @ (WireError::Full
            | WireError::TooLong { .. }
            | WireError::TooMany { .. }
            | WireError::Enclosure(_)
            | WireError::Form(_)
            | WireError::System(_)) => ControlError::Wire(error),
        })
    }
}

impl Inner {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect(&self, id: u64, sender: oneshot::Sender<Answer>) -> Result<(), ControlError> {
        let mut asked = self.asked();
        if asked.is_over {
            return Err(ControlError::Gone);
        }
        asked.waiting.insert(id, sender);
        Ok(())
    }

    fn forget(&self, id: u64) {
        self.asked().waiting.remove(&id);
    }

    fn listen(&self, wire: &Wire) {
        loop {
            match wire.receive::<ToWorker>() {
                Ok((message, _)) => self.hear(message),
                // A message of a newer launcher that this version does not know.
                Err(WireError::Form(_)) => {}
                Err(_) => break,
            }
        }
        self.standing.send_replace(Standing::Orphaned);
        let mut asked = self.asked();
        asked.is_over = true;
        asked.waiting.clear();
    }

    fn hear(&self, message: ToWorker) {
        match message {
            ToWorker::Hello { .. } => {}
            ToWorker::Go { state } => {
                self.changed(state);
                self.standing.send_replace(Standing::Serving);
            }
            ToWorker::Drain { within_ms, heir } => {
                let within = Duration::from_millis(within_ms);
                self.standing.send_replace(Standing::Draining(within, heir));
            }
            ToWorker::Answer { id, answer } => self.answered(id, answer),
            ToWorker::Appended { record } => {
                // Nobody listening is no fault.
                drop(self.news.send(News::Record(Arc::new(*record))));
            }
            ToWorker::Changed { state } => self.changed(state),
            ToWorker::Pulse => self.pulse.send_replace(()),
            ToWorker::Disk { refuses } => drop(self.disk.send_replace(refuses)),
        }
    }

    fn changed(&self, state: Box<State>) {
        let state: Arc<State> = Arc::from(state);
        self.state.send_replace(Arc::clone(&state));
        // As above.
        drop(self.news.send(News::State(state)));
    }

    /// Whoever asked may have given up; then the answer is told to all by `Changed` anyway.
    fn answered(&self, id: u64, answer: Answer) {
        if let Some(sender) = self.asked().waiting.remove(&id) {
            drop(sender.send(answer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::{pair, state};

    #[tokio::test]
    async fn an_answer_finds_the_one_who_asked() {
        let (launcher, control) = pair();
        let asking = tokio::spawn({
            let control = control.clone();
            async move { control.ask(Ask::Append { update: None, entry: notice() }).await }
        });
        let heard = tokio::task::spawn_blocking(move || {
            let (message, _) = launcher.receive::<ToLauncher>().unwrap();
            let ToLauncher::Ask { id, .. } = message else { panic!("{message:?}") };
            let answer = Answer::refused("busy".to_owned());
            launcher.send(&ToWorker::Answer { id, answer }, &[], Blocking::Yes).unwrap();
            launcher
        });
        assert_eq!(asking.await.unwrap().unwrap(), Answer::refused("busy".to_owned()));
        heard.await.unwrap();
    }

    #[tokio::test]
    async fn the_launchers_death_ends_every_wait() {
        let (launcher, control) = pair();
        let mut standing = control.watch_standing();
        drop(launcher);
        standing.wait_for(|standing| *standing == Standing::Orphaned).await.unwrap();
        let asked = control.ask(Ask::Append { update: None, entry: notice() }).await;
        assert!(matches!(asked, Err(ControlError::Gone)));
        assert!(!control.baton().await);
    }

    #[tokio::test]
    async fn a_sign_of_life_is_given_each_time_it_is_asked_for() {
        let (launcher, control) = pair();
        let life = tokio::spawn(control.show_life());
        let heard = tokio::task::spawn_blocking(move || {
            for _ in 0..3 {
                launcher.send(&ToWorker::Pulse, &[], Blocking::Yes).unwrap();
                assert_eq!(launcher.receive::<ToLauncher>().unwrap().0, ToLauncher::Pulse);
            }
        });
        heard.await.unwrap();
        life.abort();
    }

    #[tokio::test]
    async fn what_the_disk_refuses_is_known_until_it_takes_everything_again() {
        let (launcher, control) = pair();
        let say = |refuses: Option<&str>| {
            let refuses = refuses.map(str::to_owned);
            launcher.send(&ToWorker::Disk { refuses }, &[], Blocking::Yes).unwrap();
        };
        let mut disk = control.0.disk.subscribe();
        assert_eq!(control.disk_refuses(), None);
        say(Some("No space left on device"));
        disk.wait_for(Option::is_some).await.unwrap();
        assert_eq!(control.disk_refuses().as_deref(), Some("No space left on device"));
        say(None);
        disk.wait_for(Option::is_none).await.unwrap();
    }

    #[tokio::test]
    async fn go_gives_the_baton_and_drain_takes_it() {
        let (launcher, control) = pair();
        assert!(!control.has_baton());
        let go = ToWorker::Go { state: Box::new(state()) };
        launcher.send(&go, &[], Blocking::Yes).unwrap();
        assert!(control.baton().await);
        launcher
            .send(&ToWorker::Drain { within_ms: 5, heir: Heir::Serves }, &[], Blocking::Yes)
            .unwrap();
        let mut standing = control.watch_standing();
        standing.wait_for(|standing| matches!(standing, Standing::Draining(..))).await.unwrap();
        assert!(!control.has_baton());
    }

    fn notice() -> Box<newleaf_launcher::journal::Entry> {
        Box::new(newleaf_launcher::journal::Entry::Notice { text: "x".to_owned() })
    }
}
