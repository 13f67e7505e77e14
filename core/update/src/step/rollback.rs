//! Goes back to the version before, by the one rule for data: code alone where the old version
//! can read what the new one wrote; the copy from before only where nothing written would be lost,
//! or where an admin set beforehand that it may be.

use newleaf_domain::{PackageName, Target};
use newleaf_launcher::journal::Entry;
use newleaf_launcher::proto::{AppChange, Ask};
use newleaf_launcher::state::{AppSlot, AppState, AppTrial, BadRelease, CorePhase};

use crate::OnDataLoss;
use crate::ledger::PUT_BACK;
use crate::port::{Counting, PluginError};
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};
use crate::step::{OFF, snapshot};

/// Goes back after `reason`; the version that failed is not offered again where it is to blame.
pub(crate) async fn run(cx: Context, blame: Blame, reason: String) -> StepResult<()> {
    match cx.target.clone() {
        Target::Core => core(cx, blame, &reason).await,
        Target::App(app) => Back { cx, app, blame, reason }.run().await,
    }
}

/// Core, before point A: the schema was only added to, so there is nothing to take back.
async fn core(cx: Context, blame: Blame, reason: &str) -> StepResult<()> {
    let launcher = &cx.updater.ports().launcher;
    let bad = cx.bad_release(blame, reason).await;
    if bad.is_some() || launcher.state().core.phase == CorePhase::Expand {
        launcher.ask(Ask::Abort { update: cx.id.clone(), app: None, bad }).await?;
    }
    Ok(Passed::done((), format!("{} {}", cx.before(), cx.serves("never stopped serving"))))
}

/// The way back of an app.
struct Back {
    cx: Context,
    app: PackageName,
    blame: Blame,
    reason: String,
}

impl Back {
    /// Goes back; where that fails the app stops, so that nobody waits behind the hold for a
    /// version that does not come.
    async fn run(self) -> StepResult<()> {
        let result = self.way_back().await;
        if let Err(Stop::Failed(broken)) = &result {
            let reason = format!("{}; {}", self.reason, broken.what);
            self.cx.updater.ports().plugins.stop(&self.app, &reason).await;
        }
        result
    }

    async fn way_back(&self) -> StepResult<()> {
        let state = self.cx.updater.ports().launcher.state();
        let app = state.apps.get(&self.app).cloned().unwrap_or_default();
        match (&app.trial, &app.good) {
            (Some(trial), _) if trial.update == self.cx.id && trial.slot.version == self.cx.to => {
                self.before_switch(&app, trial.snapshot.as_deref()).await
            }
            // This way back was begun before a restart.
            (Some(trial), _) if trial.update == self.cx.id => self.put_back(trial, None).await,
            (_, Some(good)) if good.version == self.cx.to => self.after_switch(&app, good).await,
            _ if self.lost_its_copy().await? => self.with_the_copy_of_the_journal(&app).await,
            (_, good) => self.nothing_switched(good.as_ref()).await,
        }
    }

    async fn lost_its_copy(&self) -> Result<bool, Stop> {
        let ledger = self.cx.updater.ledger().await?;
        Ok(ledger.lost_its_copy(&self.cx.id))
    }

    /// Copied, maybe migrated, but `state` was lost and the one before it knows nothing of that.
    /// Written down before anyone writes again, so that it is done once.
    async fn with_the_copy_of_the_journal(&self, app: &AppState) -> StepResult<()> {
        let ports = self.cx.updater.ports();
        let copy = snapshot::folder_of(&self.app, &self.cx.id);
        ports.plugins.restore(&self.app, &copy).await.map_err(|error| stuck(&error))?;
        let entry = Entry::Notice { text: PUT_BACK.to_owned() };
        ports.launcher.append(Some(&self.cx.id), entry).await?;
        match &app.good {
            Some(_) if app.disabled => ports.plugins.stop(&self.app, OFF).await,
            Some(old) => {
                ports
                    .plugins
                    .swap(&self.app, old, Counting::GoesOn)
                    .await
                    .map_err(|error| stuck(&error))?;
                ports.plugins.release(&self.app).await.map_err(|error| stuck(&error))?;
            }
            None => ports.plugins.forget(&self.app).await,
        }
        self.remember_bad().await?;
        Ok(Passed::done((), format!("{} serves with its data as it was", self.cx.before())))
    }

    /// Held, not copied yet: let the requests go on. Or all is done already, and a crash came
    /// before the record of it.
    async fn nothing_switched(&self, old: Option<&AppSlot>) -> StepResult<()> {
        let plugins = &self.cx.updater.ports().plugins;
        match old {
            Some(_) if self.is_off() => {}
            Some(_) => plugins.release(&self.app).await.map_err(|error| stuck(&error))?,
            None => plugins.forget(&self.app).await,
        }
        self.remember_bad().await?;
        Ok(Passed::done((), format!("{} {}", self.cx.before(), self.cx.serves("serves on"))))
    }

    /// Copied, maybe migrated, never released: the copy is what the data was, nothing is lost.
    async fn before_switch(&self, app: &AppState, copy: Option<&str>) -> StepResult<()> {
        let plugins = &self.cx.updater.ports().plugins;
        if let Some(copy) = copy {
            plugins.restore(&self.app, copy).await.map_err(|error| stuck(&error))?;
        }
        match &app.good {
            // While it is switched off, nothing is loaded and nobody waits.
            Some(_) if app.disabled => {
                self.forget_trial().await?;
                plugins.stop(&self.app, OFF).await;
                let done = format!("{} stays off, its data is as it was", self.cx.before());
                return Ok(Passed::done((), done));
            }
            Some(old) => {
                plugins
                    .swap(&self.app, old, Counting::GoesOn)
                    .await
                    .map_err(|error| stuck(&error))?;
                self.forget_trial().await?;
                plugins.release(&self.app).await.map_err(|error| stuck(&error))?;
            }
            None => {
                plugins.forget(&self.app).await;
                self.forget_trial().await?;
            }
        }
        let serves = self.cx.serves("serves");
        Ok(Passed::done((), format!("{} {serves}, with its data as it was", self.cx.before())))
    }

    /// Released: the new version may have written.
    async fn after_switch(&self, app: &AppState, new: &AppSlot) -> StepResult<()> {
        let ports = self.cx.updater.ports();
        let Some(old) = app.previous.clone() else {
            return Err(self.stop_serving("there is no version before it").await);
        };
        if !self.is_off() {
            self.hold().await?;
        }
        let (slot, snapshot, lost) = match self.data_way(&old, new) {
            DataWay::Stays => (old.on_data_of(new), None, None),
            DataWay::CopyIsPutBack { copy, lost } => (old, Some(copy), lost),
            DataWay::WouldLose(what) => return Err(self.stop_serving(&what).await),
        };
        // From this write on, a restart goes on going back, with the same copy.
        let trial = AppTrial { slot, update: self.cx.id.clone(), snapshot };
        let ask = Ask::TrialApp { app: self.app.clone(), trial: Box::new(trial.clone()) };
        ports.launcher.ask(ask).await?;
        self.put_back(&trial, lost.as_deref()).await
    }

    async fn hold(&self) -> Result<(), Stop> {
        let plugins = &self.cx.updater.ports().plugins;
        plugins.hold(&self.app).await.map_err(|error| stuck(&error))?;
        let within = self.cx.updater.settings().drain_within;
        if let Err(error) = plugins.drained(&self.app, within).await {
            tracing::warn!(app = %self.app, %error, "going back although requests still run");
        }
        Ok(())
    }

    /// Makes the version in `trial`, which served before, the good one again, and tells what is
    /// `lost` by it. One that is off stays so.
    async fn put_back(&self, trial: &AppTrial, lost: Option<&str>) -> StepResult<()> {
        let ports = self.cx.updater.ports();
        let data = match &trial.snapshot {
            None => "its data stays as it is".to_owned(),
            Some(copy) => {
                ports.plugins.restore(&self.app, copy).await.map_err(|error| stuck(&error))?;
                match lost {
                    None => "its data is as it was before the update".to_owned(),
                    Some(lost) => format!(
                        "its data is as it was before the update: {lost} is lost, as \
                         apps.on_data_loss says"
                    ),
                }
            }
        };
        let is_off = self.is_off();
        if !is_off {
            ports
                .plugins
                .swap(&self.app, &trial.slot, Counting::GoesOn)
                .await
                .map_err(|error| stuck(&error))?;
        }
        let slot = Box::new(trial.slot.clone());
        ports.launcher.ask(Ask::CommitApp { app: self.app.clone(), slot, previous: None }).await?;
        self.forget_trial().await?;
        let version = &trial.slot.version;
        if is_off {
            ports.plugins.stop(&self.app, OFF).await;
            return Ok(told(format!("{} {version} stays off; {data}", self.app), lost));
        }
        ports.plugins.release(&self.app).await.map_err(|error| stuck(&error))?;
        let serves = self.cx.serves("serves");
        Ok(told(format!("{} {version} {serves}; {data}", self.app), lost))
    }

    fn data_way(&self, old: &AppSlot, new: &AppSlot) -> DataWay {
        if old.reads_data_of(new) {
            return DataWay::Stays;
        }
        // None after a restart: then nobody counted, and writes must be assumed.
        let serving = self.cx.updater.ports().plugins.serving(&self.app);
        let lost = match serving.and_then(|serving| serving.writes) {
            Some(0) => None,
            Some(1) => Some("1 change made since the switch".to_owned()),
            Some(count) => Some(format!("{count} changes made since the switch")),
            None => Some("what was written since the switch".to_owned()),
        };
        let may_lose = self.cx.updater.settings().on_data_loss == OnDataLoss::Restore;
        match (lost, &new.snapshot) {
            (lost, Some(copy)) if lost.is_none() || may_lose => {
                DataWay::CopyIsPutBack { copy: copy.clone(), lost }
            }
            (None, _) => DataWay::WouldLose(
                "the copy of the data from before is not kept any more".to_owned(),
            ),
            (Some(lost), _) => {
                DataWay::WouldLose(format!("going back to {} would lose {lost}", old.version))
            }
        }
    }

    fn is_off(&self) -> bool {
        self.cx.updater.is_off(&self.app)
    }

    /// Neither way is safe without a person: the app stops on a page that says so, and the version
    /// is not offered again once that person went back.
    async fn stop_serving(&self, why: &str) -> Stop {
        let ports = self.cx.updater.ports();
        let change = AppChange::Disable;
        if let Err(error) = ports.launcher.ask(Ask::SetApp { app: self.app.clone(), change }).await
        {
            return Stop::from(error);
        }
        if let Err(stop) = self.remember_bad().await {
            return stop;
        }
        Stop::Failed(Broken {
            what: why.to_owned(),
            todo: format!(
                "newleaf rollback {0}, or newleaf apps enable {0} to keep the new version",
                self.app
            ),
            blame: Blame::Machine,
        })
    }

    /// Ends the trial in `state`, and remembers a version that is to blame.
    async fn forget_trial(&self) -> Result<(), Stop> {
        let bad = self.cx.bad_release(self.blame, &self.reason).await;
        self.abort(bad).await
    }

    /// Remembers a version that is to blame, where no trial is left to be ended.
    async fn remember_bad(&self) -> Result<(), Stop> {
        match self.cx.bad_release(self.blame, &self.reason).await {
            Some(bad) => self.abort(Some(bad)).await,
            None => Ok(()),
        }
    }

    async fn abort(&self, bad: Option<BadRelease>) -> Result<(), Stop> {
        let abort = Ask::Abort { update: self.cx.id.clone(), app: Some(self.app.clone()), bad };
        self.cx.updater.ports().launcher.ask(abort).await?;
        Ok(())
    }
}

/// What becomes of the data when the code goes back.
enum DataWay {
    Stays,
    /// This copy takes its place; what is lost by that, where the settings let it be.
    CopyIsPutBack {
        copy: String,
        lost: Option<String>,
    },
    WouldLose(String),
}

/// What was lost is a warning.
fn told(text: String, lost: Option<&str>) -> Passed<()> {
    if lost.is_some() { Passed::warned((), text) } else { Passed::done((), text) }
}

/// The way back itself failed: it is tried again at the next start.
fn stuck(error: &PluginError) -> Stop {
    Broken::machine(error, "see to the machine, then restart the host: it tries again to go back")
}
