//! Carries one update out: every step between its two records, and what follows a failure.
//!
//! The order of the steps is the table's in [`crate::phase`]; a step that is called out of order
//! is refused. Nothing here chooses anything.

use std::future::Future;
use std::sync::Arc;

use newleaf_domain::{Target, UpdateId, Version};
use newleaf_launcher::journal::{Cause, Ending, Entry, Failure, Outcome, StepId, Undoable};
use newleaf_launcher::proto::Ask;
use newleaf_launcher::state::{BadRelease, Way};

use crate::Updater;
use crate::explain::chain;
use crate::hub::Told;
use crate::phase::{Kind, State, Verdict};
use crate::port::{LauncherError, Reach};
use crate::view::{Progress, Unit};

/// What a step needs to know of the update it belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) updater: Arc<Updater>,
    pub(crate) id: UpdateId,
    pub(crate) target: Target,
    pub(crate) from: Option<Version>,
    pub(crate) to: Version,
    pub(crate) way: Way,
}

impl Context {
    /// Tells viewers how far `step` is.
    pub(crate) fn progress(&self, step: StepId, current: u64, total: Option<u64>, unit: Unit) {
        let progress = Progress { current, total, unit };
        self.updater.hub().tell(Told { update: self.id.clone(), step, progress });
    }

    /// What `state` is to remember of the version, where it is to blame. One that served before
    /// and is gone back to never is.
    pub(crate) async fn bad_release(&self, blame: Blame, reason: &str) -> Option<BadRelease> {
        if blame != Blame::Version || self.way != Way::Forward {
            return None;
        }
        let digest = self.updater.digest_of(&self.id).await?;
        Some(BadRelease { digest, reason: reason.to_owned() })
    }

    /// The version before, for people.
    pub(crate) fn before(&self) -> String {
        self.from
            .as_ref()
            .map_or_else(|| "nothing".to_owned(), |from| format!("{} {from}", self.target))
    }

    /// `serves` where a host runs; where none does, when it will.
    pub(crate) fn serves(&self, host_runs: &'static str) -> &'static str {
        match self.updater.ports().launcher.reach() {
            Reach::Host => host_runs,
            Reach::Folder => "serves once the host runs",
        }
    }

    fn done_about(&self, step: StepId) -> String {
        match (step.undoable(), &self.from) {
            (Undoable::NothingChanged, Some(from)) => {
                let serves = self.serves("goes on serving");
                format!("nothing was changed; {} {from} {serves}", self.target)
            }
            (Undoable::NothingChanged, None) => "nothing was changed".to_owned(),
            (Undoable::CanBeUndone, Some(from)) => format!("going back to {} {from}", self.target),
            (Undoable::CanBeUndone, None) => format!("{} is taken away again", self.target),
        }
    }
}

/// What a step that did not fail gives.
#[derive(Debug)]
pub(crate) struct Passed<T> {
    pub(crate) value: T,
    pub(crate) outcome: Outcome,
}

impl<T> Passed<T> {
    pub(crate) fn done(value: T, detail: impl Into<String>) -> Self {
        Self { value, outcome: Outcome::Done { detail: detail.into() } }
    }

    pub(crate) fn skipped(value: T, why: impl Into<String>) -> Self {
        Self { value, outcome: Outcome::Skipped { why: why.into() } }
    }

    pub(crate) fn warned(value: T, why: impl Into<String>) -> Self {
        Self { value, outcome: Outcome::Warned { why: why.into() } }
    }
}

/// Whether a failure says something about the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The version failed: its digest is not offered again by itself.
    Version,
    /// What was delivered is not what was signed: refused, and no evidence against the version,
    /// whose bytes these are not.
    Delivery,
    /// The machine, the network or an admin: never evidence against a version.
    Machine,
}

impl Blame {
    /// Who was to blame for a failure of the journal.
    pub(crate) const fn of(cause: Cause) -> Self {
        match cause {
            Cause::Release => Self::Version,
            Cause::Delivery => Self::Delivery,
            Cause::Machine | Cause::Unsaid => Self::Machine,
        }
    }

    /// The same, as the journal says it.
    const fn cause(self) -> Cause {
        match self {
            Self::Version => Cause::Release,
            Self::Delivery => Cause::Delivery,
            Self::Machine => Cause::Machine,
        }
    }
}

/// Why an update stops.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A step failed.
    Failed(Broken),
    /// Records cannot be written; it is gone on from the journal, by this process once they can be
    /// (see [`crate::mend`]), or by the next.
    Lost(LauncherError),
}

impl Stop {
    /// The same, for people.
    pub(crate) fn why(self) -> String {
        match self {
            Self::Failed(broken) => broken.what,
            Self::Lost(error) => chain(&error),
        }
    }
}

/// A step's failure.
#[derive(Debug)]
pub(crate) struct Broken {
    /// What failed, with both values.
    pub(crate) what: String,
    /// What to do.
    pub(crate) todo: String,
    /// Whether the version is to blame.
    pub(crate) blame: Blame,
}

impl Broken {
    /// A failure of the machine.
    pub(crate) fn machine(
        error: &(dyn std::error::Error + 'static),
        todo: impl Into<String>,
    ) -> Stop {
        Stop::Failed(Self { what: chain(error), todo: todo.into(), blame: Blame::Machine })
    }

    /// A failure of the version.
    pub(crate) fn version(what: impl Into<String>, todo: impl Into<String>) -> Stop {
        Stop::Failed(Self { what: what.into(), todo: todo.into(), blame: Blame::Version })
    }
}

impl From<LauncherError> for Stop {
    fn from(error: LauncherError) -> Self {
        match error {
            LauncherError::Gone => Self::Lost(error),
            LauncherError::Refused { .. }
            | LauncherError::Busy { .. }
            | LauncherError::Io { .. } => {
                Broken::machine(&error, "look at the log of the host, then try again")
            }
        }
    }
}

/// What a step comes to.
pub(crate) type StepResult<T> = Result<Passed<T>, Stop>;

/// One update under way.
#[derive(Debug)]
pub(crate) struct Run {
    cx: Context,
    state: State,
}

impl Run {
    /// An update whose first record is written.
    pub(crate) const fn new(cx: Context) -> Self {
        Self { cx, state: State::FIRST }
    }

    /// An update that is taken up again at `state`.
    pub(crate) const fn resumed(cx: Context, state: State) -> Self {
        Self { cx, state }
    }

    pub(crate) const fn cx(&self) -> &Context {
        &self.cx
    }

    const fn kind(&self) -> Kind {
        Kind::of(&self.cx.target)
    }

    /// Runs one step between its records. `work` is inert until its first record is on disk.
    pub(crate) async fn step<T>(
        &mut self,
        step: StepId,
        work: impl Future<Output = StepResult<T>>,
    ) -> Result<T, Stop> {
        if self.state != State::At(step) {
            return Err(self.out_of_order(step));
        }
        self.record(Entry::Started { step }).await?;
        match work.await {
            Ok(Passed { value, outcome }) => {
                self.record(Entry::Finished { step, outcome }).await?;
                self.advance(Verdict::Passed)?;
                Ok(value)
            }
            Err(Stop::Failed(broken)) => Err(self.failed(step, broken).await),
            Err(Stop::Lost(error)) => Err(Stop::Lost(error)),
        }
    }

    /// Records the failure of a step; gives what the update stops with.
    pub(crate) async fn failed(&mut self, step: StepId, broken: Broken) -> Stop {
        let failure = Failure {
            what: broken.what.clone(),
            done: self.cx.done_about(step),
            todo: broken.todo.clone(),
            cause: broken.blame.cause(),
        };
        let told = self.record(Entry::Failed { step, failure }).await;
        match told.and_then(|()| self.advance(Verdict::Failed)) {
            Ok(()) => Stop::Failed(broken),
            Err(stop) => stop,
        }
    }

    /// Ends the update as what happened demands: committed, given up, or gone back.
    pub(crate) async fn end(mut self, result: Result<(), Stop>) {
        let ended = match result {
            Ok(()) => self.ended(None).await,
            Err(Stop::Failed(broken)) => self.end_failed(broken).await,
            Err(Stop::Lost(error)) => Err(Stop::Lost(error)),
        };
        if let Err(stop) = ended {
            let why = stop.why();
            tracing::error!(update = %self.cx.id, why, "the update stands still; it is taken up again by itself");
            self.cx.updater.hub().interrupt(&self.cx.id, why);
        }
    }

    /// Ends an update of core that waits for the host's next start.
    pub(crate) async fn defer(mut self) {
        let deferred = match self.advance(Verdict::Deferred) {
            Ok(()) => {
                self.ended(Some("takes effect at the next start of the host".to_owned())).await
            }
            Err(stop) => Err(stop),
        };
        if let Err(stop) = deferred {
            let why = stop.why();
            tracing::error!(update = %self.cx.id, why, "the end of the update could not be recorded");
            self.cx.updater.hub().interrupt(&self.cx.id, why);
        }
    }

    async fn end_failed(&mut self, broken: Broken) -> Result<(), Stop> {
        if self.state != State::At(StepId::Rollback) {
            self.remember_bad(&broken).await?;
            return self.ended(Some(broken.what)).await;
        }
        let work = crate::step::rollback::run(self.cx.clone(), broken.blame, broken.what.clone());
        match self.step(StepId::Rollback, work).await {
            Ok(()) => self.ended(Some(broken.what)).await,
            Err(Stop::Failed(second)) => {
                self.ended(Some(format!("{}; {}", broken.what, second.what))).await
            }
            Err(Stop::Lost(error)) => Err(Stop::Lost(error)),
        }
    }

    /// A version that failed by its own fault before anything changed is not offered again by
    /// itself. A launcher that refuses to note it stops nothing: then it is offered again.
    async fn remember_bad(&self, broken: &Broken) -> Result<(), Stop> {
        let Some(bad) = self.cx.bad_release(broken.blame, &broken.what).await else {
            return Ok(());
        };
        let app = match &self.cx.target {
            Target::Core => None,
            Target::App(app) => Some(app.clone()),
        };
        let abort = Ask::Abort { update: self.cx.id.clone(), app, bad: Some(bad) };
        match self.cx.updater.ports().launcher.ask(abort).await {
            Ok(_) => Ok(()),
            Err(error @ LauncherError::Gone) => Err(Stop::Lost(error)),
            Err(error) => {
                tracing::warn!(update = %self.cx.id, error = chain(&error), "the version that failed is not marked");
                Ok(())
            }
        }
    }

    /// Ends with the ending that the state has.
    async fn ended(&mut self, reason: Option<String>) -> Result<(), Stop> {
        match self.state {
            State::Ended(ending) => self.record(Entry::Ended { ending, reason }).await,
            State::At(step) => Err(self.out_of_order(step)),
        }
    }

    /// Ends an interrupted update that changed nothing.
    pub(crate) async fn undone(mut self, reason: &str) -> Result<(), Stop> {
        self.state = State::Ended(Ending::Undone);
        self.ended(Some(reason.to_owned())).await
    }

    /// Goes back after an interruption, and ends. What had failed before it, where something had,
    /// is still why; else `interrupted` is.
    pub(crate) async fn go_back(mut self, failed: Option<Failure>, interrupted: String) {
        self.state = State::At(StepId::Rollback);
        let broken = match failed {
            Some(Failure { what, todo, cause, .. }) => {
                Broken { what, todo, blame: Blame::of(cause) }
            }
            None => Broken { what: interrupted, todo: String::new(), blame: Blame::Machine },
        };
        self.end(Err(Stop::Failed(broken))).await;
    }

    async fn record(&self, entry: Entry) -> Result<(), Stop> {
        let launcher = &self.cx.updater.ports().launcher;
        launcher.append(Some(&self.cx.id), entry).await.map(|_| ()).map_err(Stop::Lost)
    }

    fn advance(&mut self, verdict: Verdict) -> Result<(), Stop> {
        let next = self.state.next(self.kind(), verdict);
        self.state = next.map_err(|refused| fault(refused.to_string()))?;
        Ok(())
    }

    fn out_of_order(&self, step: StepId) -> Stop {
        fault(format!("step {step} came while the update was at {:?}", self.state))
    }
}

/// A fault of this program; never evidence against a version.
fn fault(what: String) -> Stop {
    let todo = "this is a fault of the program; report it".to_owned();
    Stop::Failed(Broken { what, todo, blame: Blame::Machine })
}
