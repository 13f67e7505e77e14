//! Plans of several hops: each hop is an update of its own, with its own probation and its own
//! record, and the next begins once the one before was kept.
//!
//! What is left of a plan is told by the journal and by the plan as it was approved; nothing else
//! remembers it. So whoever serves next, after a restart, a power cut, or because the hop was core
//! itself, goes on where the last one stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use newleaf_domain::{PlanId, UpdateId};
use newleaf_launcher::journal::{Ending, Entry, StepId};
use newleaf_launcher::state::Way;
use newleaf_plan::{Change, Plan, Request, Stale, rest};

use crate::carry;
use crate::explain::{Explain, chain};
use crate::ledger::Ledger;
use crate::phase::State;
use crate::port::{LauncherError, News, PlanMemo, StoreError};
use crate::proof::Listed;
use crate::refresh::CheckError;
use crate::run::{Blame, Broken, Passed, Run, Stop};
use crate::start::{Began, errand_of, listed};
use crate::unattended::AGAIN;
use crate::view::{Hop, Journey, JourneyStanding};
use crate::{Consent, Updater};

/// How often a hop is begun that the end of the process broke off: three times, so that a hop which
/// itself brings the machine down is not begun for ever.
const MOST_TRIES: usize = 3;

/// What becomes of a plan that another process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftBehind {
    /// It is gone on with: this process serves.
    TakeUp,
    /// It waits for one that serves: this one came for something else.
    Leave,
}

/// Why a plan does not go on, or cannot be looked at. Completes "failed to go on with the plan: …".
#[derive(Debug, thiserror::Error)]
pub enum JourneyError {
    /// State or journal.
    #[error("the launcher does not answer")]
    Launcher(#[source] LauncherError),
    /// The approved plan cannot be read.
    #[error("what is kept on disk failed")]
    Store(#[source] StoreError),
}

impl Explain for JourneyError {
    fn class(&self) -> crate::ExitClass {
        crate::ExitClass::Failed
    }

    fn todo(&self) -> String {
        "newleaf preflight names the folder and the command that mends it".to_owned()
    }
}

/// Why a hop could not begin; recorded as its failure.
#[derive(Debug, thiserror::Error)]
enum NotBegun {
    #[error("the repository could not be checked")]
    Check(#[source] CheckError),
    #[error("what is kept on disk failed")]
    Store(#[source] StoreError),
    #[error("the rest of the plan is out of date: {0}")]
    Stale(Stale),
    #[error("{path} is not listed in any signed role")]
    NotListed { path: String },
}

impl NotBegun {
    fn todo(&self) -> String {
        match self {
            Self::Check(error) => error.todo(),
            Self::Store(_) => {
                "newleaf preflight names the folder and the command that mends it".to_owned()
            }
            Self::Stale(_) | Self::NotListed { .. } => {
                "make a new plan from here: newleaf plan".to_owned()
            }
        }
    }
}

/// What follows in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Left {
    /// Nobody said yes to it.
    NotBegun,
    /// A hop runs.
    Running,
    /// This hop is to be begun.
    Next(usize),
    /// Its hop waits for the next start of the host.
    Deferred,
    /// Nothing: all of it was carried out.
    Done,
    /// Nothing, because of this.
    Stopped(String),
}

impl Updater {
    /// Begins the next hop of a plan that is under way. None where there is nothing to begin, or
    /// another update runs, after which it is tried again. A hop that cannot begin is recorded as
    /// one that failed, so that the plan stops with its reason.
    ///
    /// # Errors
    /// [`JourneyError`]; nothing was begun.
    pub async fn go_on(self: &Arc<Self>) -> Result<Option<UpdateId>, JourneyError> {
        self.go_on_with(None).await
    }

    /// As [`Updater::go_on`], with this plan alone where one is named.
    async fn go_on_with(
        self: &Arc<Self>,
        with: Option<&PlanId>,
    ) -> Result<Option<UpdateId>, JourneyError> {
        let _door = self.starting().lock().await;
        if self.running().await.map_err(JourneyError::Launcher)?.is_some() {
            return Ok(None);
        }
        let Some((memo, hop, by)) = self.next_hop(with).await? else { return Ok(None) };
        let plan = memo.plan.id.clone();
        let leeway = memo.leeway;
        let (change, work) = match self.prepare(&memo, hop).await {
            Ok(listed) => (listed.change().clone(), Ok(listed)),
            Err(error) => (memo.plan.changes[hop].clone(), Err(error)),
        };
        let began = Began::of(&change, plan, by);
        let cx = self.first_record(began).await.map_err(JourneyError::Launcher)?;
        let id = cx.id.clone();
        match work {
            Ok(listed) => {
                tokio::spawn(carry::out(cx, errand_of(listed, Consent::NotGiven, leeway)));
            }
            Err(error) => {
                let mut run = Run::new(cx);
                let broken =
                    Broken { what: chain(&error), todo: error.todo(), blame: Blame::Machine };
                let check = async { Err::<Passed<()>, _>(Stop::Failed(broken)) };
                let result = run.step(StepId::Check, check).await;
                run.end(result).await;
            }
        }
        Ok(Some(id))
    }

    /// Goes on with plans for as long as this process lives: with one that was left, then after
    /// each update that ends.
    pub async fn keep_going(self: Arc<Self>, left: LeftBehind) {
        let mut news = self.ports().launcher.subscribe();
        let mut own = BTreeMap::new();
        if left == LeftBehind::TakeUp {
            self.try_to_go_on(None).await;
        }
        while let Some(news) = news.next().await {
            let News::Record(record) = news else {
                if left == LeftBehind::TakeUp && matches!(news, News::Missed) {
                    self.try_to_go_on(None).await;
                }
                continue;
            };
            match (&record.entry, left) {
                (Entry::Ended { .. }, LeftBehind::TakeUp) => self.try_to_go_on(None).await,
                (Entry::Began { plan, .. }, LeftBehind::Leave) => {
                    own.insert(record.update.clone(), plan.clone());
                }
                (Entry::Ended { .. }, LeftBehind::Leave) => {
                    if let Some(plan) = own.get(&record.update) {
                        self.try_to_go_on(Some(plan)).await;
                    }
                }
                (
                    Entry::Began { .. }
                    | Entry::Started { .. }
                    | Entry::Finished { .. }
                    | Entry::Failed { .. }
                    | Entry::Notice { .. }
                    | Entry::Unknown,
                    _,
                ) => {}
            }
        }
    }

    async fn try_to_go_on(self: &Arc<Self>, with: Option<&PlanId>) {
        let error = loop {
            match self.go_on_with(with).await {
                Ok(_) => return,
                // An older worker still finishes.
                Err(JourneyError::Launcher(LauncherError::Busy { .. })) => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => break error,
            }
        };
        tracing::error!(error = chain(&error), "a plan does not go on");
    }

    /// How far a plan is; none where no such plan was made here lately.
    ///
    /// # Errors
    /// [`JourneyError`].
    pub async fn journey(&self, plan: &PlanId) -> Result<Option<Journey>, JourneyError> {
        let memo = self.ports().store.plan(plan).await.map_err(JourneyError::Store)?;
        let Some(PlanMemo { plan, target, .. }) = memo else { return Ok(None) };
        let ledger = self.ledger().await.map_err(JourneyError::Launcher)?;
        let hops = plan.changes.iter().map(|change| hop(&ledger, &plan.id, change)).collect();
        let standing = match left(&ledger, &plan) {
            Left::NotBegun => JourneyStanding::Waiting,
            Left::Running | Left::Next(_) => JourneyStanding::UnderWay,
            Left::Deferred => JourneyStanding::Deferred,
            Left::Done => JourneyStanding::Done,
            Left::Stopped(why) => JourneyStanding::Stopped { why },
        };
        Ok(Some(Journey { plan: plan.id.clone(), target, hops, standing }))
    }

    /// A hop that is to be begun, with its plan and who asked for it.
    async fn next_hop(
        &self,
        with: Option<&PlanId>,
    ) -> Result<Option<(PlanMemo, usize, String)>, JourneyError> {
        let mut newest = self.newest_forward().await.map_err(JourneyError::Launcher)?;
        newest.retain(|(plan, _)| with.is_none_or(|with| with == plan));
        for (plan, by) in newest {
            let memo = self.ports().store.plan(&plan).await.map_err(JourneyError::Store)?;
            // A plan of one change is never begun again by itself.
            let Some(memo) = memo.filter(|memo| memo.plan.changes.len() > 1) else { continue };
            let ledger = self.ledger().await.map_err(JourneyError::Launcher)?;
            if let Left::Next(hop) = left(&ledger, &memo.plan) {
                return Ok(Some((memo, hop, by)));
            }
        }
        Ok(None)
    }

    /// The plan that each target was last brought forward by, and who asked for it.
    async fn newest_forward(&self) -> Result<Vec<(PlanId, String)>, LauncherError> {
        let ledger = self.ledger().await?;
        let newest = ledger.newest_of_each().into_iter();
        Ok(newest
            .filter_map(|record| match &record.entry {
                Entry::Began { plan, by, way: Way::Forward, .. } => {
                    Some((plan.clone(), by.clone()))
                }
                Entry::Began { way: Way::Back, .. }
                | Entry::Started { .. }
                | Entry::Finished { .. }
                | Entry::Failed { .. }
                | Entry::Ended { .. }
                | Entry::Notice { .. }
                | Entry::Unknown => None,
            })
            .collect())
    }

    /// The hop as it was approved, planned again from what runs now.
    async fn prepare(&self, memo: &PlanMemo, hop: usize) -> Result<Listed, NotBegun> {
        if let Err(error) = self.recall().await {
            tracing::debug!(error = chain(&error), "nothing is recalled of the repository");
        }
        let known = self.known_for(&memo.target).await.map_err(NotBegun::Check)?;
        let installed = self.installed().await.map_err(NotBegun::Store)?;
        let request = Request { target: memo.target.clone(), version: memo.version.clone() };
        let (policy, now) = (&self.policy(), self.ports().clock.now());
        let left = rest(&memo.plan, hop, &installed, &known.targets, policy, &request, now);
        let change = left.map_err(NotBegun::Stale)?.into_iter().next();
        let change = change.ok_or(NotBegun::Stale(Stale::Empty))?;
        listed(&known, &change).ok_or(NotBegun::NotListed { path: change.path })
    }
}

fn hop(ledger: &Ledger, plan: &PlanId, change: &Change) -> Hop {
    let update = ledger.of_hop(plan, &change.digest).pop();
    let ending = update.as_ref().and_then(|update| match ledger.state(update) {
        Some(State::Ended(ending)) if ledger.open().as_ref() != Some(update) => Some(ending),
        Some(State::Ended(_) | State::At(_)) | None => None,
    });
    Hop {
        from: change.from.clone(),
        to: change.to.clone(),
        because: change.because.clone(),
        update,
        ending,
    }
}

/// What follows in `plan`, by the journal.
fn left(ledger: &Ledger, plan: &Plan) -> Left {
    let newest = plan.changes.iter().enumerate().rev().find_map(|(at, change)| {
        let tries = ledger.of_hop(&plan.id, &change.digest);
        tries.last().map(|last| (at, last.clone(), tries.len()))
    });
    let Some((at, update, tries)) = newest else { return Left::NotBegun };
    // Only what was brought in last can be gone on from.
    let target = &plan.changes[at].target;
    let is_last = ledger.newest_of_each().iter().any(|record| {
        record.update.as_ref() == Some(&update)
            && matches!(&record.entry, Entry::Began { target: of, .. } if of == target)
    });
    let Some(report) = ledger.report(&update) else { return Left::NotBegun };
    let was_broken_off = report.failure().is_none();
    match (report.ending, report.reason) {
        (None, _) => Left::Running,
        (Some(Ending::Committed), _) if at + 1 == plan.changes.len() => Left::Done,
        (Some(Ending::Committed | Ending::Undone), _) if !is_last => {
            Left::Stopped(format!("another update of {target} came between"))
        }
        (Some(Ending::Committed), _) => Left::Next(at + 1),
        // The machine stopped in the middle of it, and the version is not to blame.
        (Some(Ending::Undone | Ending::RolledBack), _)
            if was_broken_off && is_last && tries < MOST_TRIES && plan.changes.len() > 1 =>
        {
            Left::Next(at)
        }
        (Some(Ending::Deferred), _) => Left::Deferred,
        (Some(Ending::Undone | Ending::Failed | Ending::RolledBack), reason) => {
            Left::Stopped(reason.unwrap_or_else(|| "no reason was recorded".to_owned()))
        }
    }
}
