//! The place where one app is served: keeps requests waiting while the app is exchanged, and
//! loses none. Knows nothing of why it is exchanged.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use newleaf_domain::JobName;
use tokio::sync::{Notify, watch};

use crate::{
    JobError,
    ahead::Ahead,
    app::{App, Failure, Patience},
    body::AppBody,
    stats::Running,
    traffic::Traffic,
};

/// The place of one app. Share it behind an [`Arc`].
#[derive(Debug)]
pub struct Slot {
    state: Mutex<State>,
    /// Changes when the gate opens or closes for good, which wakes the parked requests.
    moved: watch::Sender<u64>,
    parked: AtomicUsize,
    refused: AtomicU64,
    paused: AtomicU64,
    cut: AtomicU64,
    /// The job that runs.
    job: Mutex<Option<JobName>>,
    cut_job: Notify,
    traffic: Traffic,
}

/// How often the requests that run during a hold are looked at, once clients have had their time.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct State {
    app: App,
    gate: Gate,
}

/// What happens to a new request.
#[derive(Debug, Clone, Copy)]
enum Gate {
    /// It goes to the app.
    Open,
    /// It waits, unless as many wait already.
    Held { cap: usize },
    /// It is told at once when to come again: about then the app serves.
    Paused { until: Instant },
    /// It is answered at once: nothing is served here any more.
    Closed,
}

/// What a slot has seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SlotStats {
    /// Requests that wait now.
    pub parked: usize,
    /// Requests refused because too many waited; they count as failed.
    pub refused: u64,
    /// Requests told to come again later, in a pause that was announced.
    pub paused: u64,
    /// Requests cut during a hold, since their clients were too slow or the app was; they count as
    /// failed.
    pub cut: u64,
    /// The most requests that came within one second of the last hour.
    pub peak: u64,
}

/// The requests that were cut short so that an app could be exchanged, by the beginning of their
/// paths; they count as failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    /// Those whose clients were too slow, and jobs.
    pub clients: Vec<String>,
    /// Those that the app itself was still working on.
    pub late: Vec<String>,
}

/// What a request finds at the gate.
enum Entry {
    Serve(App, Arc<Running>),
    Wait(Parked, watch::Receiver<u64>),
    Refused(Failure),
    /// To be asked again after so long.
    ComeAgain(Duration),
}

/// What a request that waits finds when it is woken.
enum Woken {
    Serve(App, Arc<Running>),
    /// Held again in the meantime: it keeps its place.
    WaitOn,
    Closed,
}

/// One waiting request, counted until it goes on or its client leaves.
struct Parked(Arc<Slot>);

impl Slot {
    /// A slot that serves `app`.
    pub fn new(app: App) -> Arc<Self> {
        app.begins_to_serve();
        Arc::new(Self {
            state: Mutex::new(State { app, gate: Gate::Open }),
            moved: watch::Sender::new(0),
            parked: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            paused: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            job: Mutex::default(),
            cut_job: Notify::new(),
            traffic: Traffic::default(),
        })
    }

    /// The app that is served, or will be after the release.
    pub fn app(&self) -> App {
        self.state().app.clone()
    }

    /// What the slot has seen.
    pub fn stats(&self) -> SlotStats {
        SlotStats {
            parked: self.parked.load(Relaxed),
            refused: self.refused.load(Relaxed),
            paused: self.paused.load(Relaxed),
            cut: self.cut.load(Relaxed),
            peak: self.traffic.peak(),
        }
    }

    /// Answers a request, now or after the release. While it waits its body is left unread, so
    /// that flow control holds the client. It reaches the app, and counts as running, once the
    /// beginning of its body has come.
    ///
    /// A request that was made to wait is served however many wait with it: it keeps its place
    /// when the slot is held again, and has no time limit to find its turn after the release, nor
    /// the memory for its instance.
    pub async fn handle<B>(self: &Arc<Self>, request: Request<B>) -> Response<AppBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.traffic.count();
        let mut request = request.map(Ahead::of);
        let mut patience = Patience::Queue;
        loop {
            let (app, running) = match self.enter(patience) {
                Entry::Serve(app, running) => (app, running),
                Entry::Refused(failure) => return failure.response(),
                Entry::ComeAgain(left) => return come_again(left),
                Entry::Wait(parked, moved) => {
                    patience = Patience::Promised;
                    match parked.wait(moved).await {
                        Ok(served) => served,
                        Err(failure) => return failure.response(),
                    }
                }
            };
            if request.body().is_expected(app.config().limits.request_body.as_u64()) {
                drop((app, running));
                if request.body_mut().fill().await.is_err() {
                    return Failure::ClientTooSlow.response();
                }
            } else {
                let asked = (request.method().clone(), request.uri().path().to_owned());
                let response = app.answer(request, patience).await;
                drop(running);
                self.traffic.answered(&asked.0, &asked.1, &response);
                return response;
            }
        }
    }

    /// Keeps new requests waiting, up to `cap` of them, until [`release`](Self::release). With a
    /// cap of 0 none waits: each is answered with 503 and `Retry-After`.
    ///
    /// A slot that was closed stays closed.
    pub fn hold(&self, cap: usize) {
        let mut state = self.state();
        if !matches!(state.gate, Gate::Closed) {
            state.gate = Gate::Held { cap };
        }
    }

    /// Answers every new request at once with 503 and the seconds after which to come again, until
    /// [`release`](Self::release): a pause that was announced, of which `left` is left. Those who
    /// wait already go on waiting.
    ///
    /// A slot that was closed stays closed.
    pub fn pause(&self, left: Duration) {
        let mut state = self.state();
        if !matches!(state.gate, Gate::Closed) {
            state.gate = Gate::Paused { until: Instant::now() + left };
        }
    }

    /// The paths of pages that were answered well lately: a few.
    pub fn pages(&self) -> Vec<String> {
        self.traffic.pages()
    }

    /// Waits until nothing of the present app runs and its database is closed. Requests that were
    /// let in before the hold are answered to their end.
    ///
    /// May take as long as the longest request; the caller sets a time limit.
    pub async fn drained(&self) {
        let app = self.app();
        app.quiesce().await;
    }

    /// As [`drained`](Self::drained), but gives clients no longer than `patience`: a request that
    /// then waits for its client to send or to read is cut, counted, and named in the result
    /// (method and path). So is a job that still runs then (as `job` and its name): it was given
    /// the same time, and comes again. Requests that the app itself works on are waited for.
    pub async fn drained_of_clients(&self, patience: Duration) -> Vec<String> {
        self.drained_within(patience, Duration::MAX).await.clients
    }

    /// As [`drained_of_clients`](Self::drained_of_clients), and after `within` the requests that the
    /// app itself still works on are cut too: 503 and `Retry-After`, counted, and named apart. May
    /// take a moment longer, until their instances are gone.
    pub async fn drained_within(&self, patience: Duration, within: Duration) -> Cut {
        let app = self.app();
        let began = Instant::now();
        let mut quiet = std::pin::pin!(app.quiesce());
        let (mut wait, mut cut) = (patience, Cut::default());
        while tokio::time::timeout(wait, quiet.as_mut()).await.is_err() {
            let clients = app.cut_those_that_wait_for_clients();
            let is_over = began.elapsed() >= within;
            let late = if is_over { app.cut_those_that_run() } else { Vec::new() };
            self.cut.fetch_add((clients.len() + late.len()) as u64, Relaxed);
            cut.clients.extend(clients);
            cut.clients.extend(self.cut_job().map(|job| format!("job {job}")));
            cut.late.extend(late);
            wait = LOOK_EVERY;
        }
        cut
    }

    /// Waits for a moment in which the app has worked on no request for longer than `slow`, so that
    /// those who come during the hold that follows wait briefly; for `within` at the most. New
    /// requests go on meanwhile.
    pub async fn calm(&self, slow: Duration, within: Duration) {
        let app = self.app();
        let is_slow = || app.longest_work().is_some_and(|longest| longest > slow);
        let look = async {
            while is_slow() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        // Who is still slow then is waited for behind the hold.
        tokio::time::timeout(within, look).await.unwrap_or_default();
    }

    /// Puts `app` in the place of the present one, which is given back. Requests that run finish
    /// on the app they began with.
    pub fn swap(&self, app: App) -> App {
        app.begins_to_serve();
        app.follow(&self.app());
        std::mem::replace(&mut self.state().app, app)
    }

    /// Lets the waiting requests and all new ones go to the app, unless the slot was closed.
    pub fn release(&self) {
        let mut state = self.state();
        if !matches!(state.gate, Gate::Closed) {
            state.gate = Gate::Open;
        }
        drop(state);
        self.wake();
    }

    /// Serves nothing any more: the waiting requests and those that still come are answered at once
    /// with [`Failure::Stopped`]. Requests that run finish; a job is cut off. There is no way back:
    /// an app that is started again gets another slot.
    pub fn close(&self) {
        self.state().gate = Gate::Closed;
        self.wake();
        if let Some(job) = self.cut_job() {
            tracing::warn!(app = %self.app().name(), %job, "the job was cut off: the app is stopped");
        }
    }

    /// Does the work `job` of the app, unless it is held, stopped, or does such work already. The
    /// job is part of what a hold waits for. Dropping the future cuts it off.
    pub async fn run_job(&self, job: &JobName) -> Result<(), JobError> {
        let mut cut = std::pin::pin!(self.cut_job.notified());
        // Listen before entering, or the cut could come in between.
        cut.as_mut().enable();
        let _turn = self.job_turn(job)?;
        let (app, running) = self.admit_job()?;
        let outcome = tokio::select! {
            outcome = app.run_job(job) => outcome,
            () = cut => Err(JobError::Cut),
        };
        app.count_job(&outcome);
        drop(running);
        outcome
    }

    /// Decides as for a request: under the lock, so that a hold waits for whatever was let in.
    fn admit_job(&self) -> Result<(App, Arc<Running>), JobError> {
        let state = self.state();
        match state.gate {
            Gate::Open => Ok((state.app.clone(), state.app.running())),
            Gate::Held { .. } | Gate::Paused { .. } => Err(JobError::Held),
            Gate::Closed => Err(JobError::Stopped),
        }
    }

    /// The one place for a job.
    fn job_turn(&self, job: &JobName) -> Result<JobTurn<'_>, JobError> {
        let mut place = self.job();
        if let Some(running) = &*place {
            return Err(JobError::Busy { running: running.clone() });
        }
        *place = Some(job.clone());
        Ok(JobTurn(self))
    }

    /// The job that runs now.
    pub fn running_job(&self) -> Option<JobName> {
        self.job().clone()
    }

    /// Ends the job that runs, and names it.
    fn cut_job(&self) -> Option<JobName> {
        let running = self.running_job();
        if running.is_some() {
            self.cut_job.notify_waiters();
        }
        running
    }

    fn job(&self) -> MutexGuard<'_, Option<JobName>> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.moved.send_modify(|moves| *moves += 1);
    }

    /// Decides under the lock, so that whoever sees the gate open is counted by the app before a
    /// hold can return.
    fn enter(self: &Arc<Self>, patience: Patience) -> Entry {
        let state = self.state();
        match state.gate {
            Gate::Open => Entry::Serve(state.app.clone(), state.app.running()),
            Gate::Held { cap }
                if patience == Patience::Queue && self.parked.load(Relaxed) >= cap =>
            {
                self.refused.fetch_add(1, Relaxed);
                Entry::Refused(Failure::Held)
            }
            Gate::Paused { until } if patience == Patience::Queue => {
                self.paused.fetch_add(1, Relaxed);
                Entry::ComeAgain(until.saturating_duration_since(Instant::now()))
            }
            Gate::Held { .. } | Gate::Paused { .. } => {
                self.parked.fetch_add(1, Relaxed);
                Entry::Wait(Parked(self.clone()), self.moved.subscribe())
            }
            Gate::Closed => Entry::Refused(Failure::Stopped),
        }
    }

    /// What becomes of a request that waited, decided under the lock as at its entry.
    fn wake_up(&self) -> Woken {
        let state = self.state();
        match state.gate {
            Gate::Open => Woken::Serve(state.app.clone(), state.app.running()),
            Gate::Held { .. } | Gate::Paused { .. } => Woken::WaitOn,
            Gate::Closed => Woken::Closed,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of the job that runs, until it has ended.
struct JobTurn<'a>(&'a Slot);

impl Drop for JobTurn<'_> {
    fn drop(&mut self) {
        *self.0.job() = None;
    }
}

/// The answer in an announced pause: when to ask again (RFC 9110 §10.2.3), in whole seconds, at the
/// least one.
fn come_again(left: Duration) -> Response<AppBody> {
    let seconds = (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1);
    let mut response = Failure::Held.response();
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    let text = format!("The app is being updated; please try again in {}.\n", spoken(seconds));
    *response.body_mut() = AppBody::text(text);
    response
}

/// `1 second`, `40 seconds`, `about 4 minutes`.
fn spoken(seconds: u64) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        2..120 => format!("{seconds} seconds"),
        _ => format!("about {} minutes", seconds.div_ceil(60)),
    }
}

impl Parked {
    /// Waits for the gate to open, and gives the app that serves then.
    async fn wait(self, mut moved: watch::Receiver<u64>) -> Result<(App, Arc<Running>), Failure> {
        loop {
            // The sender lives in the slot, which this keeps.
            if moved.changed().await.is_err() {
                return Err(Failure::Held);
            }
            match self.0.wake_up() {
                Woken::Serve(app, running) => return Ok((app, running)),
                Woken::Closed => return Err(Failure::Stopped),
                Woken::WaitOn => {}
            }
        }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.0.parked.fetch_sub(1, Relaxed);
    }
}
