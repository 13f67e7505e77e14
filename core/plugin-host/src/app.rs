//! One loaded version of an app: takes requests, answers each, and is asked about its data.
//! Never decides whether it should run: that is for whoever put it into its slot.

use std::time::Duration;
use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body;
use newleaf_domain::{Grants, JobName, PackageName, Reuse, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{
    Engine, PoolConcurrencyLimitError,
    component::{ComponentNamedList, InstancePre, Lower},
};
use wasmtime_wasi_http::{
    WasiBody,
    handler::{ExpirationError, InstantiationError},
};

use crate::{
    abi::v1::JOBS,
    address::{self, Border},
    body::{self, AppBody},
    clock::Clock,
    egress::{Lines, Outbound, Outgoing},
    entrance::Entrance,
    handler::{Errand, Place, Workshop},
    instance::{self, Instance},
    job::JobError,
    lane::{Lane, Queue},
    lifecycle::{self, Called, Function, LifecycleError},
    limits::Limits,
    stats::{AppStats, Conclusion, Counters, JobEnd, Lately, Noted, Running, Ticket},
    storage::{Database, WriteCount},
    together::{MemorySpent, Together},
    voice::{Of, Told, Voice},
};

/// What an app is given.
#[derive(Debug, Clone)]
pub struct AppConfig {
    /// Its name.
    pub name: PackageName,
    /// The version that is loaded.
    pub version: Version,
    /// The path under which it is served, without a slash at the end, such as
    /// `/apps/acme/notes`; empty where it has a host name of its own.
    pub base_path: String,
    /// The folder of its data, made at the first write.
    pub data_dir: PathBuf,
    /// What it may do.
    pub grants: Grants,
    /// Settings it may read.
    pub settings: BTreeMap<String, String>,
    /// What it may use of the machine.
    pub limits: Limits,
    /// Whether its requests to the outside leave at all.
    pub outbound: Outbound,
    /// How many requests an instance of it may answer.
    pub reuse: Reuse,
    /// Names of cookies that it neither sees nor sets: those of the product's own sessions.
    pub kept_cookies: &'static [&'static str],
    /// What tells it the time.
    pub clock: Clock,
}

impl AppConfig {
    fn border(&self) -> Border<'_> {
        Border { base: &self.base_path, kept: self.kept_cookies }
    }
}

/// What all instances of one app share.
pub(crate) struct Shared {
    pub(crate) config: AppConfig,
    pub(crate) database: Arc<Database>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) outgoing: Arc<Outgoing>,
    /// The memory of all its instances.
    pub(crate) together: Arc<Together>,
    /// Where those of its requests wait that compute for long.
    pub(crate) queue: Arc<Queue>,
    /// What it may write to the log.
    pub(crate) voice: Voice,
    /// What may be written to the log about it.
    pub(crate) told: Arc<Told>,
}

/// Why the host answered in an app's place. It stands among the response's extensions, so that a
/// server can put a page of its own in place of the plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The app broke down (500).
    Trap,
    /// The app used up its processor time (500).
    CpuTime,
    /// The app did not answer in time (504).
    WallClock,
    /// No instance of the app could be made (500).
    Instantiate,
    /// Too many requests of the app run already, or they have all its memory (503, `Retry-After`).
    Busy,
    /// Too many requests of all apps together run already (503, `Retry-After`).
    Crowded,
    /// The app is being updated, and the waiting room is full (503, `Retry-After`).
    Held,
    /// The app is not served any more (503, `Retry-After`).
    Stopped,
    /// The request's body is larger than it may be (413). The client's fault.
    BodyTooLarge,
    /// The client sent or read too slowly while the app was to be exchanged (408).
    ClientTooSlow,
    /// The app's answer is longer than it may be. Its head has gone out by then: the client sees
    /// that the answer is cut.
    AnswerTooLong,
}

impl Failure {
    /// The status of the answer.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Trap | Self::CpuTime | Self::Instantiate | Self::AnswerTooLong => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::WallClock => StatusCode::GATEWAY_TIMEOUT,
            Self::Busy | Self::Crowded | Self::Held | Self::Stopped => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ClientTooSlow => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// Whether the host answers before the app had a chance to: by itself that is no fault of the
    /// version. That it is [busy](Self::Busy) is counted apart.
    pub fn is_the_hosts(self) -> bool {
        matches!(self, Self::Busy | Self::Crowded | Self::Held | Self::Stopped)
    }

    /// One sentence for the person at the browser.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Trap => "The app broke down while it answered.",
            Self::CpuTime => "The app needed too much processor time and was stopped.",
            Self::WallClock => "The app did not answer in time.",
            Self::Instantiate => "The app could not be started.",
            Self::Busy => "The app has too much to do; please try again in a moment.",
            Self::Crowded => "The host has too much to do; please try again in a moment.",
            Self::Held => "The app is being updated; please try again in a moment.",
            Self::Stopped => "The app is stopped.",
            Self::BodyTooLarge => "What was sent is larger than the app accepts.",
            Self::AnswerTooLong => "The app's answer is longer than it may be.",
            Self::ClientTooSlow => {
                "The request came too slowly while the app was to be updated; please send it again."
            }
        }
    }

    /// The host's answer, as plain text.
    pub fn response(self) -> Response<AppBody> {
        let mut response = Response::new(AppBody::text(format!("{}\n", self.sentence())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        if self.is_the_hosts() {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("2"));
        }
        if self == Self::ClientTooSlow {
            // The rest of the body is not waited for (RFC 9110 §15.5.9).
            headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// How long a request waits for its turn among the app's concurrent ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as the app's limits say; then it is answered with 503.
    Queue,
    /// As long as it takes: it was made to wait, on the promise that it would be served.
    Promised,
}

/// A loaded app. Clones are the same app.
#[derive(Clone)]
pub struct App {
    shared: Arc<Shared>,
    pre: InstancePre<Instance>,
    workshop: Arc<Workshop>,
    permits: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(
        engine: &Engine,
        lane: &Arc<Lane>,
        config: AppConfig,
        pre: InstancePre<Instance>,
        entrance: Entrance,
        lines: Arc<Lines>,
    ) -> Self {
        let database =
            Database::new(&config.data_dir, config.grants.storage_quota(), &config.limits);
        let permits = Arc::new(Semaphore::new(config.limits.concurrency));
        let outgoing = Outgoing::new(&config, lines);
        let shared = Arc::new(Shared {
            together: Together::new(&config.limits, initial_memory(&pre)),
            queue: Queue::new(lane),
            voice: Voice::new(Of::App),
            told: Told::of(&config.name),
            counters: Arc::default(),
            outgoing,
            config,
            database,
        });
        let (engine, kept) = (engine.clone(), Arc::default());
        let workshop = Workshop { engine, pre: pre.clone(), entrance, kept, app: shared.clone() };
        Self { shared, pre, workshop: Arc::new(workshop), permits }
    }

    /// Its name.
    pub fn name(&self) -> &PackageName {
        &self.shared.config.name
    }

    /// The version that is loaded.
    pub fn version(&self) -> &Version {
        &self.shared.config.version
    }

    /// What it was given.
    pub fn config(&self) -> &AppConfig {
        &self.shared.config
    }

    /// What it has done since it was loaded.
    pub fn stats(&self) -> AppStats {
        self.shared.counters.read(self.shared.database.writes(), self.shared.outgoing.stats())
    }

    /// Its writes since it began to serve, also after it has been let go.
    pub fn write_count(&self) -> WriteCount {
        self.shared.database.write_count()
    }

    /// Waits until the app has more than `seen` failures: its traps and its 5xx answers added up,
    /// where a trap that was answered with 500 counts twice. For probation, which then reads
    /// [`stats`](Self::stats) and asks again with their sum.
    pub async fn failed(&self, seen: u64) -> AppStats {
        self.shared.counters.failed(seen).await;
        self.stats()
    }

    /// How many requests the app has been working on for longer than `patience` without having begun
    /// an answer, whether their clients still wait or have given up.
    pub fn without_answer(&self, patience: Duration) -> u64 {
        self.shared.counters.without_answer(patience)
    }

    /// How it served its visitors in its last minutes, for a comparison with the next version.
    pub fn lately(&self) -> Lately {
        self.shared.counters.lately()
    }

    /// Answers a request. The path may be the host's (`/apps/acme/notes/x`) or the app's (`/x`).
    ///
    /// Always gives a response: where the app fails it is the host's own, with a [`Failure`] among
    /// its extensions. Dropping the future means that the client went away.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<AppBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.answer(request, Patience::Queue).await
    }

    /// As [`handle`](Self::handle), for a request that waits for its turn with `patience`.
    pub(crate) async fn answer<B>(
        &self,
        request: Request<B>,
        patience: Patience,
    ) -> Response<AppBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let what = name_of(&request, &self.shared.config.base_path);
        let ticket = Ticket::new(&self.shared.counters, what);
        if let Some(outbound) = request.extensions().get() {
            ticket.bound_by(*outbound);
        }
        let waiting = Waiting(Some(ticket));
        let head = request.method() == Method::HEAD;
        let answer = self.pass_on(request, &waiting, patience).await;
        match answer.and_then(|response| self.check(response, &waiting)) {
            Ok(response) => self.pass_back(response, waiting, head),
            Err(failure) => {
                waiting.done();
                // A full house is no error of the app; in probation it is compared with the one before.
                if failure == Failure::Busy {
                    self.shared.counters.refuse();
                }
                if failure.status().is_server_error() && !failure.is_the_hosts() {
                    self.shared.counters.server_error();
                }
                failure.response()
            }
        }
    }

    /// Makes an instance as for a request, and drops it again: what a fresh instance costs.
    ///
    /// # Errors
    /// [`LifecycleError::Instantiate`].
    pub async fn make_and_drop(&self) -> Result<(), LifecycleError> {
        let (cpu, running) = (self.shared.config.limits.cpu, self.running());
        let share = self.shared.together.room(Patience::Queue).await;
        let engine = self.pre.engine();
        let (mut store, _meter) = instance::store(engine, &self.shared, share, cpu, running);
        let made = self.pre.instantiate_async(&mut store).await;
        let reason = |error: wasmtime::Error| format!("{error:#}");
        made.map(drop).map_err(|error| LifecycleError::Instantiate {
            function: "nothing",
            reason: reason(error),
        })
    }

    /// Prepares empty data; nothing to do for an app without lifecycle functions.
    pub async fn init(&self) -> Result<(), LifecycleError> {
        self.call("init", ()).await
    }

    /// Brings data from one schema to another.
    pub async fn migrate(&self, from: u32, to: u32) -> Result<(), LifecycleError> {
        self.call("migrate", (from, to)).await
    }

    /// Asks the app whether it can do its work. An app without lifecycle functions can.
    pub async fn health(&self) -> Result<(), LifecycleError> {
        self.call("health", ()).await
    }

    /// Calls a function of the lifecycle.
    async fn call<P>(&self, name: &'static str, parameters: P) -> Result<(), LifecycleError>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
    {
        let function = Function::lifecycle(name, &self.shared.config.limits);
        lifecycle::call(&self.pre, &self.shared, function, parameters).await.map(|_| ())
    }

    /// Does the work `job`. Dropping the future cuts it off.
    pub(crate) async fn run_job(&self, job: &JobName) -> Result<(), JobError> {
        let function = Function::job(&self.shared.config.limits);
        let run = lifecycle::call(&self.pre, &self.shared, function, (job.as_str().to_owned(),));
        match run.await {
            Ok(Called::Yes) => Ok(()),
            Ok(Called::NotExported) => Err(JobError::NotExported),
            Err(error) => Err(JobError::Failed(error)),
        }
    }

    /// Whether it has jobs that can be run.
    pub fn has_jobs(&self) -> bool {
        self.pre.component().get_export_index(None, JOBS).is_some()
    }

    /// Counts a run of a job that has ended.
    pub(crate) fn count_job(&self, outcome: &Result<(), JobError>) {
        use LifecycleError::{TimedOut, Trapped};
        self.shared.counters.job(match outcome {
            Ok(()) => JobEnd::Done,
            Err(JobError::Failed(Trapped { .. } | TimedOut { .. })) => JobEnd::Trapped,
            Err(_) => JobEnd::Failed,
        });
    }

    /// Waits until nothing of the app runs: no request, no instance, no statement; then closes its
    /// database, so that the data folder can be copied.
    ///
    /// New requests are not kept out: that is what [`Slot::hold`](crate::Slot::hold) is for.
    pub async fn quiesce(&self) {
        self.shared.counters.idle().await;
        let database = self.shared.database.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || database.close_idle()).await {
            tracing::warn!(app = %self.name(), %error, "the database was not closed");
        }
    }

    /// Ends the requests that still run, whatever they do, and names them.
    pub(crate) fn cut_those_that_run(&self) -> Vec<String> {
        self.shared.counters.cut_those_that_run()
    }

    /// How long the app has been working on the request that it has been working on for longest.
    pub(crate) fn longest_work(&self) -> Option<Duration> {
        self.shared.counters.longest_work()
    }

    /// Ends the requests that wait for their clients to send or to read, and names them.
    pub(crate) fn cut_those_that_wait_for_clients(&self) -> Vec<String> {
        self.shared.counters.cut_those_that_wait_for_clients()
    }

    /// Takes the data out of the app's hands for good, whatever still runs: statements are ended,
    /// open transactions rolled back, connections closed. Requests go on without their data. For a
    /// data folder that is to be replaced although the app did not [quiesce](Self::quiesce) in time.
    pub async fn take_data_away(&self) {
        let database = self.shared.database.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || database.take_away()).await {
            tracing::warn!(app = %self.name(), %error, "the database was not closed");
        }
    }

    /// Takes the place of `other`, and makes room for instances as large as its were.
    pub(crate) fn follow(&self, other: &Self) {
        self.shared.together.follow(&other.shared.together);
    }

    /// Counts writes and answers from here: the app begins to serve.
    pub(crate) fn begins_to_serve(&self) {
        self.shared.database.count_writes_anew();
        self.shared.counters.count_answers_anew();
    }

    /// Keeps the app from being idle as long as the result is held.
    pub(crate) fn running(&self) -> Arc<Running> {
        self.shared.counters.enter()
    }

    async fn pass_on<B>(
        &self,
        request: Request<B>,
        waiting: &Waiting,
        patience: Patience,
    ) -> Result<Response<WasiBody>, Failure>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let config = &self.shared.config;
        let limit = config.limits.request_body;
        if request.body().size_hint().lower() > limit.as_u64() {
            return Err(Failure::BodyTooLarge);
        }
        let (permit, place) = self.place(patience).await?;
        let Some(ticket) = waiting.0.clone() else { return Err(Failure::Busy) };
        // Cut before it found its place: it must not reach an app that is being exchanged.
        if let Some(failure) = ticket.failure() {
            return Err(failure);
        }
        ticket.admitted();
        let (mut parts, body) = request.into_parts();
        address::inward(&mut parts.uri, &mut parts.headers, config.border());
        let request = Request::from_parts(parts, body::for_guest(body, limit, ticket.clone()));
        let errand = Errand { ticket: ticket.clone(), permit };
        let share = place.share().clone();
        let answer = self.workshop.handler(place).handle(errand, request).await;
        share.settle();
        drop(share);
        match ticket.failure() {
            Some(failure @ (Failure::BodyTooLarge | Failure::ClientTooSlow | Failure::Held)) => {
                Err(failure)
            }
            Some(_) | None => answer.map_err(|error| self.judge(&error, &ticket)),
        }
    }

    /// A place among the app's concurrent requests, and memory for its instance. Whoever has the
    /// memory waits for no place, so that one of those who wait is always let in.
    async fn place(&self, patience: Patience) -> Result<(OwnedSemaphorePermit, Place), Failure> {
        let place = async {
            // Nobody closes the semaphore.
            let permit = self.permits.clone().acquire_owned().await.map_err(|_| Failure::Busy)?;
            Ok((permit, self.workshop.place(patience).await))
        };
        match patience {
            Patience::Promised => place.await,
            Patience::Queue => {
                let limit = self.shared.config.limits.queue;
                tokio::time::timeout(limit, place).await.map_err(|_| Failure::Busy)?
            }
        }
    }

    /// Refuses an answer that is none: after one of class 1xx another has to come, and 101 gives the
    /// connection itself away (RFC 9110 §15.2).
    fn check(
        &self,
        response: Response<WasiBody>,
        waiting: &Waiting,
    ) -> Result<Response<WasiBody>, Failure> {
        let status = response.status();
        if !status.is_informational() {
            return Ok(response);
        }
        if let Some(app) = self.shared.told.line() {
            let reason = format!("it answered with {status}, which is no answer");
            tracing::warn!(%app, reason, "a request failed");
        }
        if let Some(ticket) = &waiting.0 {
            ticket.trap();
        }
        Err(Failure::Trap)
    }

    fn pass_back(
        &self,
        response: Response<WasiBody>,
        waiting: Waiting,
        head: bool,
    ) -> Response<AppBody> {
        let config = &self.shared.config;
        let (mut parts, body) = response.into_parts();
        address::outward(&mut parts.headers, config.border());
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&parts.status);
        let body = match waiting.hand_over() {
            Some(ticket) => {
                ticket.answers(parts.status);
                if head || bodiless {
                    ticket.conclude(Conclusion::NoBodyWanted);
                }
                AppBody::guest(body, config.limits.response_body, ticket, &self.shared.told)
            }
            None => AppBody::text(Bytes::new()),
        };
        Response::from_parts(parts, body)
    }

    /// Says why a request has no answer, unless that is said when its instance ends, which knows
    /// more of it.
    fn tell(&self, error: &wasmtime::Error, ticket: &Arc<Ticket>) {
        if ticket.failure().is_some() {
            return;
        }
        let has_instance = !error.is::<InstantiationError<Errand>>();
        let (shared, ticket, reason) = (self.shared.clone(), ticket.clone(), root_of(error));
        tokio::spawn(async move {
            if has_instance {
                ticket.until_over().await;
            }
            if ticket.tell() == Noted::First
                && let Some(app) = shared.told.line()
            {
                tracing::warn!(%app, request = ticket.what(), reason, "a request failed");
            }
        });
    }

    /// What an error of the proxy handler means.
    fn judge(&self, error: &wasmtime::Error, ticket: &Arc<Ticket>) -> Failure {
        let failure = if let Some(failure) = ticket.failure() {
            failure
        } else if error.is::<ExpirationError>() {
            self.shared.too_late(ticket);
            Failure::WallClock
        } else if let Some(error) = error.downcast_ref::<InstantiationError<Errand>>() {
            match error.error.downcast_ref() {
                Some(MemorySpent::Together(_)) => Failure::Busy,
                _ if error.error.is::<PoolConcurrencyLimitError>() => Failure::Crowded,
                Some(MemorySpent::Own(_)) | None => Failure::Instantiate,
            }
        } else {
            Failure::Trap
        };
        if !failure.is_the_hosts() {
            self.tell(error, ticket);
            ticket.trap();
        }
        failure
    }
}

/// The memory in bytes that an instance has when it is made, or somewhat more; 0 where nobody knows.
fn initial_memory(pre: &InstancePre<Instance>) -> u64 {
    const PAGE: u64 = 64 * 1024;
    let needed = pre.component().resources_required();
    let largest = |it: &wasmtime::ResourcesRequired| it.max_initial_memory_size.unwrap_or_default();
    needed.map_or(0, |it| largest(&it).saturating_mul(it.num_memories.into()).saturating_mul(PAGE))
}

/// What began an error, cut to a line: parts of it are the app's own words, however long.
pub(crate) fn root_of(error: &wasmtime::Error) -> String {
    error.root_cause().to_string().chars().take(300).collect()
}

/// Method of a request and the beginning of its path.
fn name_of<B>(request: &Request<B>, base: &str) -> String {
    format!("{} {}", request.method(), beginning_of(request.uri().path(), base))
}

/// The beginning of a path: no more than the first part below the app's own, for a log and a history
/// are read by others than a path is meant for, which may be a name or open a door by itself. The
/// query is left out whole.
pub(crate) fn beginning_of(path: &str, base: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let (base, below) = path.strip_prefix(base).map_or(("", path), |below| (base, below));
    let below = below.strip_prefix('/').unwrap_or(below);
    let first: String = below.split('/').next().unwrap_or(below).chars().take(40).collect();
    let more = if below.len() > first.len() { "/…" } else { "" };
    format!("{base}/{first}{more}")
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("name", self.name())
            .field("version", self.version())
            .finish_non_exhaustive()
    }
}

/// A client that waits for the head of its response; when it leaves, the ticket is told.
struct Waiting(Option<Arc<Ticket>>);

impl Waiting {
    /// The response goes on to its body, which keeps the ticket from here.
    fn hand_over(mut self) -> Option<Arc<Ticket>> {
        self.0.take()
    }

    /// The response is the host's own, and complete.
    fn done(mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.conclude(Conclusion::NoBodyWanted);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.conclude(Conclusion::ClientGone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_of_a_path_is_told_than_its_first_part_below_the_app() {
        let named = |path: &str| {
            name_of(&Request::get(path).body(()).unwrap_or_default(), "/apps/acme/notes")
        };
        assert_eq!(named("/apps/acme/notes/keep/NAME/SECRET?x=1"), "GET /apps/acme/notes/keep/…");
        assert_eq!(named("/apps/acme/notes/keep?token=1"), "GET /apps/acme/notes/keep");
        assert_eq!(named("/apps/acme/notes"), "GET /apps/acme/notes/");
        assert_eq!(named("/keep/SECRET"), "GET /keep/…");
        assert_eq!(named("/"), "GET /");
        assert_eq!(named(&format!("/{}", "x".repeat(99))), format!("GET /{}/…", "x".repeat(40)));
    }
}
