//! Begins an update or the way back: refuses what may not begin, writes the first record, and
//! lets the rest run by itself.

use std::sync::Arc;

use newleaf_domain::{Digest, Namespace, PackageName, PlanId, Target, UpdateId};
use newleaf_launcher::state::{AppSlot, CoreSlot, Way};
use newleaf_plan::Change;

use super::approval::{Approval, Consent, Leeway};
use super::began::Began;
use super::error::StartError;
use super::yes::errand_of;
use crate::back::BackYes;
use crate::carry::{self, Errand};
use crate::port::{LauncherError, PlanMemo};
use crate::preflight::{self, Scope};
use crate::run::Context;
use crate::view::Standing;
use crate::{BY_ITSELF, Updater};

impl Updater {
    /// Carries a plan out, exactly so, in a task of its own. An app that is not installed is
    /// installed the same way.
    ///
    /// # Errors
    /// [`StartError`]; nothing was changed.
    pub async fn start(self: &Arc<Self>, approval: Approval) -> Result<UpdateId, StartError> {
        let _door = self.door().await?;
        let (change, listed) = self.approved(&approval).await?;
        if approval.by != BY_ITSELF {
            self.tries().forget(&change.target);
        }
        if let Target::App(app) = &change.target {
            if let Some(error) = self.unfinished(app) {
                return Err(error);
            }
            self.refuse_if_unpinned(&app.namespace()).await?;
        }
        self.refuse_unless_ready(Scope::Change(&change)).await?;
        self.refuse_an_unannounced_pause(&change, approval.leeway).await?;
        let leeway = approval.leeway;
        self.remember_leeway(&approval).await?;
        let began = Began::of(&change, approval.plan, approval.by);
        self.begin(began, errand_of(listed, approval.suspend, leeway)).await
    }

    /// What is known of a pause already is asked for before anything is fetched.
    async fn refuse_an_unannounced_pause(
        &self,
        change: &Change,
        leeway: Leeway,
    ) -> Result<(), StartError> {
        if leeway.pause == Consent::Given {
            return Ok(());
        }
        let pause = self.rehearsal_of(change).await.and_then(|note| self.pause_of(&note));
        match pause.filter(|pause| pause.announced.is_some()) {
            Some(pause) => {
                Err(StartError::PauseUnannounced { target: change.target.clone(), pause })
            }
            None => Ok(()),
        }
    }

    /// The hops that follow the first are begun from what is kept of the plan.
    async fn remember_leeway(&self, approval: &Approval) -> Result<(), StartError> {
        let memo = self.recall_plan(&approval.plan).await.map_err(StartError::from)?;
        let memo = PlanMemo { leeway: approval.leeway, ..memo };
        self.put_memo(&memo).await.map_err(StartError::Store)
    }

    /// Goes back to the version before, which is still on this machine, where `yes` covers what that
    /// does now.
    ///
    /// # Errors
    /// [`StartError`]; nothing was changed.
    pub async fn rollback(
        self: &Arc<Self>,
        target: &Target,
        yes: BackYes,
        by: String,
    ) -> Result<UpdateId, StartError> {
        let _door = self.door().await?;
        self.tries().forget(target);
        // Behind the door, so that nothing moves between this and the first record.
        if let Some(error) = self.undo_offer(target).and_then(|now| yes.refusal(target, &now)) {
            return Err(error);
        }
        self.refuse_unless_ready(Scope::Machine).await?;
        let state = self.state();
        let nothing = || StartError::NothingBefore { target: target.clone() };
        let (from, to, digest, errand) = match target {
            Target::Core => {
                let slot = state.core.previous.clone().ok_or_else(nothing)?;
                let reader = self.core_reader(&state.core.good).await.map_err(StartError::Store)?;
                if let Some(error) = unreadable(&slot, reader) {
                    return Err(error);
                }
                let from = state.core.good.version.clone();
                (from, slot.version.clone(), slot.digest, Errand::CoreBack { slot: Box::new(slot) })
            }
            Target::App(app) => {
                if let Some(error) = self.unfinished(app) {
                    return Err(error);
                }
                let row = state
                    .apps
                    .get(app)
                    .ok_or_else(|| StartError::NotInstalled { app: app.clone() })?;
                let (old, new) = row.good.clone().zip(row.previous.clone()).ok_or_else(nothing)?;
                let (from, to, digest) = (old.version.clone(), new.version.clone(), new.digest);
                (from, to, digest, back(app, old, new))
            }
        };
        // Nobody planned it, but the journal wants an id that tells this run from others.
        let plan = PlanId::of(Digest::of(format!("back {target} {to} {}", state.seq).as_bytes()));
        let began = Began {
            target: target.clone(),
            from: Some(from),
            to,
            digest,
            plan,
            way: Way::Back,
            by,
        };
        self.begin(began, errand).await
    }

    /// Until the way back is done, the data may be half migrated: nothing may be served on it, copied
    /// from it or kept of it.
    pub(super) fn unfinished(&self, app: &PackageName) -> Option<StartError> {
        let state = self.state();
        let trial = state.apps.get(app)?.trial.as_ref()?;
        Some(StartError::Unfinished { app: app.clone(), update: trial.update.clone() })
    }

    async fn refuse_if_unpinned(&self, namespace: &Namespace) -> Result<(), StartError> {
        let pins = self.ports().store.pins().await.map_err(StartError::Store)?;
        if self.unpinned(&pins).contains(namespace) {
            return Err(StartError::Unpinned { namespace: namespace.clone() });
        }
        Ok(())
    }

    /// The door to a change: held by one at a time, and only while nothing else is under way.
    pub(crate) async fn door(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, StartError> {
        if let Some((target, version)) = self.rehearsing().clone() {
            return Err(StartError::Rehearsing { target, version });
        }
        let door = self.starting().lock().await;
        self.refuse_if_busy().await?;
        Ok(door)
    }

    async fn refuse_if_busy(&self) -> Result<(), StartError> {
        let Some(running) = self.running().await.map_err(StartError::Launcher)? else {
            return Ok(());
        };
        match self.staged() {
            Some((update, version)) if update == running => {
                Err(StartError::Staged { update, version })
            }
            Some(_) | None => Err(StartError::Busy { running }),
        }
    }

    pub(crate) async fn refuse_unless_ready(&self, scope: Scope<'_>) -> Result<(), StartError> {
        let rows = preflight::measure(self, scope, None).await;
        if rows.iter().any(|row| row.standing == Standing::Block) {
            return Err(StartError::Blocked(rows));
        }
        Ok(())
    }

    /// Writes the first record and lets the rest run.
    async fn begin(self: &Arc<Self>, began: Began, errand: Errand) -> Result<UpdateId, StartError> {
        let cx = self.first_record(began).await.map_err(StartError::Launcher)?;
        let id = cx.id.clone();
        tokio::spawn(carry::out(cx, errand));
        Ok(id)
    }

    /// Writes the first record.
    pub(crate) async fn first_record(
        self: &Arc<Self>,
        began: Began,
    ) -> Result<Context, LauncherError> {
        let launcher = &self.ports().launcher;
        let next = self.ledger().await?.last_seq() + 1;
        let id = UpdateId::new(self.ports().clock.now(), &began.plan, next);
        let cx = began.context(self.clone(), id.clone());
        launcher.append(Some(&id), began.entry()).await?;
        tracing::info!(update = %id, target = %cx.target, to = %cx.to, "an update begins");
        Ok(cx)
    }
}

/// Core goes back in code only, so the old program must be able to run on the database as it is;
/// gives why it may not.
fn unreadable(old: &CoreSlot, oldest_reader: u32) -> Option<StartError> {
    (old.schema < oldest_reader).then(|| StartError::CannotGoBack {
        target: Target::Core,
        version: old.version.clone(),
        why: format!(
            "it writes schema {}, the data needs a program of {oldest_reader} or newer",
            old.schema
        ),
    })
}

/// Goes back from `old` to `new`, which is told what data it finds: where it can read what is there
/// that stays, else its own copy is put back.
pub(super) fn back(app: &PackageName, old: AppSlot, new: AppSlot) -> Errand {
    let new = if new.reads_data_of(&old) { new.on_data_of(&old) } else { new };
    Errand::AppBack { app: app.clone(), old: Box::new(old), new: Box::new(new) }
}
