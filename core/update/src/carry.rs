//! The way of each kind of update through its steps. What a step proves goes into the next one.

use std::time::Duration;

use newleaf_domain::PackageName;
use newleaf_launcher::journal::StepId;
use newleaf_launcher::state::{AppSlot, CoreSlot};
use newleaf_trust::Pin;

use crate::Consent;
use crate::pause::Pace;
use crate::phase::State;
use crate::port::Reach;
use crate::proof::{Listed, VerifiedArtifact};
use crate::run::{Blame, Broken, Context, Passed, Run, Stop};
use crate::start::Leeway;
use crate::step::stage::Ready;
use crate::step::{
    AppSwitch, activate, check, commit, expand, fetch, health, hold, migrate, prewarm, rehearse,
    release, snapshot, stage, verify,
};

/// Why nothing is fetched on the way back.
const KEPT: &str = "the version is kept on this machine";

/// What is to be carried out.
#[derive(Debug)]
pub(crate) enum Errand {
    /// A new core; apps that it cannot run are suspended where an admin said so.
    Core { listed: Box<Listed>, suspend: Consent },
    /// The core before.
    CoreBack { slot: Box<CoreSlot> },
    /// An app's new version, or its first.
    App { app: PackageName, listed: Box<Listed>, leeway: Leeway },
    /// An app's version before.
    AppBack { app: PackageName, old: Box<AppSlot>, new: Box<AppSlot> },
    /// What is left of an app's update after its switch, begun before a restart.
    AppProbation(Box<AppSwitch>),
}

/// How far a core update came in this process.
enum Handed {
    /// The launcher carries it to its end.
    ToLauncher,
    /// It waits for the next start, which extends the data within this time, where it has to.
    Deferred(Option<Duration>),
}

/// Carries an update out to its end, or to where the launcher takes it over.
pub(crate) async fn out(cx: Context, errand: Errand) {
    match errand {
        Errand::Core { listed, suspend } => {
            let mut run = Run::new(cx);
            let result = core(&mut run, *listed, suspend).await;
            hand_over(run, result).await;
        }
        Errand::CoreBack { slot } => {
            let mut run = Run::new(cx);
            let result = core_back(&mut run, &slot).await;
            hand_over(run, result).await;
        }
        Errand::App { app, listed, leeway } => {
            let mut run = Run::new(cx);
            let result = app_forward(&mut run, app, *listed, leeway).await;
            run.end(result).await;
        }
        Errand::AppBack { app, old, new } => {
            let mut run = Run::new(cx);
            let switch = AppSwitch { app, old: Some(*old), new: *new };
            let result = app_back(&mut run, &switch).await;
            run.end(result).await;
        }
        Errand::AppProbation(switch) => {
            let mut run = Run::resumed(cx, State::At(StepId::Commit));
            let result = run.step(StepId::Commit, commit::run(run.cx().clone(), &switch)).await;
            run.end(result).await;
        }
    }
}

async fn hand_over(run: Run, result: Result<Handed, Stop>) {
    match result {
        Ok(Handed::ToLauncher) => {}
        Ok(Handed::Deferred(_)) => run.defer().await,
        Err(stop) => run.end(Err(stop)).await,
    }
}

/// From the plan to a verified package.
async fn bring(run: &mut Run, listed: Listed) -> Result<VerifiedArtifact, Stop> {
    let cx = run.cx().clone();
    run.step(StepId::Check, check::run(cx.clone(), Some(listed.change()))).await?;
    let fetched = run.step(StepId::Fetch, fetch::run(cx.clone(), listed.clone())).await?;
    run.step(StepId::Verify, verify::run(cx, fetched)).await
}

async fn core(run: &mut Run, listed: Listed, suspend: Consent) -> Result<Handed, Stop> {
    let cx = run.cx().clone();
    let artifact = bring(run, listed).await?;
    let ready = run.step(StepId::Stage, stage::run(cx.clone(), artifact)).await?;
    let Ready::Core(slot) = ready else { return Err(other_kind()) };
    let policy = cx.updater.settings().rehearsal;
    let rehearsed = run.step(StepId::Rehearse, rehearse::core(cx.clone(), &slot, policy)).await?;
    let breaking = prewarm::Breaking::of(policy, suspend);
    run.step(StepId::Prewarm, prewarm::core(cx.clone(), &slot, breaking)).await?;
    let within = rehearsed.expand_within(cx.updater.settings().expand_within);
    if cx.updater.ports().launcher.reach() == Reach::Folder {
        return arm(run, &slot, Handed::Deferred(Some(within))).await;
    }
    run.step(StepId::Expand, expand::run(cx, &slot, within)).await?;
    arm(run, &slot, Handed::ToLauncher).await
}

async fn core_back(run: &mut Run, slot: &CoreSlot) -> Result<Handed, Stop> {
    let cx = run.cx().clone();
    run.step(StepId::Check, check::run(cx.clone(), None)).await?;
    for step in [StepId::Fetch, StepId::Verify, StepId::Stage] {
        run.step(step, async { Ok(Passed::skipped((), KEPT)) }).await?;
    }
    run.step(StepId::Rehearse, async { Ok(rehearse::core_back()) }).await?;
    run.step(StepId::Prewarm, async { Ok(prewarm::core_back()) }).await?;
    if cx.updater.ports().launcher.reach() == Reach::Folder {
        return arm(run, slot, Handed::Deferred(None)).await;
    }
    let why = "the version before reads the database as it is";
    run.step(StepId::Expand, async { Ok(Passed::skipped((), why)) }).await?;
    arm(run, slot, Handed::ToLauncher).await
}

/// Point A. Its records are the launcher's; only a refusal is told here.
async fn arm(run: &mut Run, slot: &CoreSlot, handed: Handed) -> Result<Handed, Stop> {
    let (step, within) = match handed {
        Handed::ToLauncher => (StepId::Activate, None),
        Handed::Deferred(within) => (StepId::Expand, within),
    };
    match activate::arm(&run.cx().clone(), slot, within).await {
        Ok(()) => Ok(handed),
        Err(error) => match Stop::from(error) {
            Stop::Failed(broken) => Err(run.failed(step, broken).await),
            Stop::Lost(error) => Err(Stop::Lost(error)),
        },
    }
}

async fn app_forward(
    run: &mut Run,
    app: PackageName,
    listed: Listed,
    leeway: Leeway,
) -> Result<(), Stop> {
    let cx = run.cx().clone();
    let signer = listed.signer().cloned();
    let artifact = bring(run, listed).await?;
    let ready = run.step(StepId::Stage, stage::run(cx.clone(), artifact)).await?;
    let Ready::App(new) = ready else { return Err(other_kind()) };
    let old = cx.updater.state().apps.get(&app).and_then(|row| row.good.clone());
    let switch = AppSwitch { app, old, new: *new };
    let rehearsed = rehearse::app::run(cx.clone(), &switch, leeway);
    let pace = run.step(StepId::Rehearse, rehearsed).await?;
    run.step(StepId::Prewarm, prewarm::app(cx.clone(), &switch)).await?;
    run.step(StepId::Hold, hold::run(cx.clone(), &switch, &pace)).await?;
    let pace = pace.begun(cx.updater.settings().pause_least);
    let copy = run.step(StepId::Snapshot, snapshot::run(cx.clone(), &switch, &pace)).await?;
    run.step(StepId::Migrate, migrate::forward(cx, &switch, &pace)).await?;
    switch_over(run, &switch, &pace, &copy, signer.as_ref()).await
}

async fn app_back(run: &mut Run, switch: &AppSwitch) -> Result<(), Stop> {
    let cx = run.cx().clone();
    run.step(StepId::Check, check::run(cx.clone(), None)).await?;
    for step in [StepId::Fetch, StepId::Verify, StepId::Stage] {
        run.step(step, async { Ok(Passed::skipped((), KEPT)) }).await?;
    }
    let pace = run.step(StepId::Rehearse, async { Ok(rehearse::app::back()) }).await?;
    run.step(StepId::Prewarm, prewarm::app(cx.clone(), switch)).await?;
    run.step(StepId::Hold, hold::run(cx.clone(), switch, &pace)).await?;
    let copy = run.step(StepId::Snapshot, snapshot::run(cx.clone(), switch, &pace)).await?;
    run.step(StepId::Migrate, migrate::back(cx, switch)).await?;
    switch_over(run, switch, &pace, &copy, None).await
}

/// From migrated data to a proven version. `signer` is the one that the approved plan saw.
async fn switch_over(
    run: &mut Run,
    switch: &AppSwitch,
    pace: &Pace,
    copy: &str,
    signer: Option<&Pin>,
) -> Result<(), Stop> {
    let cx = run.cx().clone();
    run.step(StepId::Health, health::run(cx.clone(), switch, pace)).await?;
    run.step(StepId::Activate, activate::app(cx.clone(), switch, copy, signer)).await?;
    run.step(StepId::Release, release::run(cx.clone(), switch)).await?;
    run.step(StepId::Commit, commit::run(cx, switch)).await
}

/// The stage step gives a slot of the kind it was asked for.
fn other_kind() -> Stop {
    let what = "the staged slot is of another kind than the update".to_owned();
    Stop::Failed(Broken {
        what,
        todo: "this is a fault of the program; report it".to_owned(),
        blame: Blame::Machine,
    })
}
