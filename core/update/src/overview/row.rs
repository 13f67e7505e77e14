//! What is told of core and of each app: what runs, what is offered, what *Undo* would do.

use newleaf_domain::{PackageName, Target, Timestamp, UpdateId};
use newleaf_launcher::journal::{Ending, Entry};
use newleaf_launcher::state::{AppState, State};
use newleaf_plan::{Candidate, Installed, Survey};

use crate::Updater;
use crate::back;
use crate::port::SlotRef;
use crate::refresh::Known;
use crate::view::{AppRow, CoreCard, DataChoice, HistoryEntry, Offer, UndoOffer};

impl Updater {
    pub(super) fn core_card(
        &self,
        state: &State,
        known: Option<&Known>,
        installed: &Installed,
        until: Option<Timestamp>,
    ) -> CoreCard {
        let survey = known.map(|known| self.survey(known, installed, &Target::Core));
        let undo =
            state.core.previous.as_ref().filter(|slot| slot.schema >= installed.core.oldest_reader);
        let waits = |offer| Offer {
            waits_for: known.and_then(|known| self.waits_for(known, installed, &Target::Core)),
            ..offer
        };
        CoreCard {
            product: self.face().name.clone(),
            version: state.core.good.version.clone(),
            edition: self.face().edition.clone(),
            offer: survey.as_ref().and_then(|survey| offer(survey, false)).map(waits),
            candidates: survey.map_or_else(Vec::new, |survey| survey.candidates),
            undo: undo.map(|slot| UndoOffer {
                until,
                left_behind: known.map_or_else(Vec::new, |known| {
                    let policy = self.policy();
                    newleaf_plan::left_behind(installed, &known.targets, &policy, &slot.version)
                }),
                ..back::of_core(&state.core.good, slot)
            }),
            channel: self.channel(&Target::Core),
        }
    }

    pub(super) async fn app_row(
        &self,
        name: &PackageName,
        app: &AppState,
        known: Option<&Known>,
        installed: &Installed,
        history: &[HistoryEntry],
    ) -> AppRow {
        let target = Target::App(name.clone());
        let survey = known.map(|known| self.survey(known, installed, &target));
        let asks_more = survey.as_ref().is_some_and(|survey| Self::asks_more(survey, known, app));
        let manifest = match &app.good {
            Some(slot) => self.ports().slots.manifest(&SlotRef::app(name, slot)).await.ok(),
            None => None,
        };
        let (display, summary) =
            manifest.map_or_else(|| (String::new(), String::new()), |it| (it.name, it.summary));
        let waits = |offer| Offer {
            waits_for: known.and_then(|known| self.waits_for(known, installed, &target)),
            ..offer
        };
        let serving = self.ports().plugins.serving(name);
        let told = serving.as_ref().and_then(|it| it.stopped.clone());
        let choice = self.choice_of(name, history).await;
        let off = || told.clone().unwrap_or_else(|| "it was switched off by an admin".to_owned());
        let stopped = match &choice {
            Some(choice) => Some(choice.why.clone()),
            None if app.disabled => Some(off()),
            None => told,
        };
        let addresses = &self.settings().addresses;
        AppRow {
            id: name.clone(),
            name: if display.is_empty() { name.app().to_owned() } else { display },
            summary,
            version: app.good.as_ref().map(|good| good.version.clone()),
            path: format!("{}/", addresses.origin().base(name)),
            url: addresses.url(name),
            serving: app.good.is_some() && stopped.is_none() && serving.is_some(),
            stopped,
            offer: survey.as_ref().and_then(|survey| offer(survey, asks_more)).map(waits),
            blocked: survey.as_ref().and_then(|survey| survey.untrusted.clone()),
            candidates: survey.map_or_else(Vec::new, |survey| survey.candidates),
            undo: back::of_app(app, serving.as_ref().and_then(|it| it.writes)),
            choice,
            grants: app.good.as_ref().map(|good| good.grants.clone()).unwrap_or_default(),
            disabled: app.disabled,
            needed_by: installed.needing(name).map(|(name, _)| name.clone()).collect(),
            work: serving.map(|it| it.work).unwrap_or_default(),
        }
    }

    /// What a person has to choose of an app that is off: its last update could not go back without
    /// losing data, and nobody has chosen since.
    pub(crate) async fn choice_of(
        &self,
        name: &PackageName,
        history: &[HistoryEntry],
    ) -> Option<DataChoice> {
        let app = self.state().apps.get(name).filter(|app| app.disabled).cloned()?;
        let good = app.good.as_ref()?;
        let last = history.iter().find(|entry| entry.target.target.app() == Some(name))?;
        let report = self.report(&last.id).await.ok()??;
        let stopped = last.ending == Some(Ending::Failed)
            && app.trial.is_none()
            && last.target.to == good.version
            && report.way_back_failed();
        if !stopped || self.is_chosen(&last.id).await {
            return None;
        }
        Some(DataChoice {
            update: last.id.clone(),
            why: last.reason.clone()?,
            keep: good.version.clone(),
            back: back::of_app(&app, None).map(|undo| undo.version),
        })
    }

    /// Whether somebody has chosen what becomes of the data after an update that ended.
    async fn is_chosen(&self, id: &UpdateId) -> bool {
        let Ok(ledger) = self.ledger().await else { return false };
        let ended = ledger.of(id).skip_while(|it| !matches!(it.entry, Entry::Ended { .. }));
        ended.into_iter().any(|record| matches!(record.entry, Entry::Notice { .. }))
    }

    pub(crate) fn survey(&self, known: &Known, installed: &Installed, target: &Target) -> Survey {
        newleaf_plan::survey(installed, &known.targets, &self.policy(), target)
    }

    /// Whether the best release asks for more than the app may do today.
    pub(crate) fn asks_more(survey: &Survey, known: Option<&Known>, app: &AppState) -> bool {
        let Some((best, known)) = survey.best().zip(known) else { return false };
        let file =
            known.targets.releases(&survey.target).find(|(_, file)| file.sha256 == best.digest);
        let Some(manifest) = file.and_then(|(_, file)| file.manifest().ok()) else { return false };
        let held = app.good.as_ref().map(|good| good.grants.clone()).unwrap_or_default();
        held.changes_to(&manifest.claims()).iter().any(|change| change.widens)
    }
}

/// The release that can be installed now, where there is one.
pub(crate) fn offer(survey: &Survey, asks_more: bool) -> Option<Offer> {
    let best: &Candidate = survey.best()?;
    Some(Offer {
        version: best.version.clone(),
        step: best.step,
        length: best.length,
        published: best.published,
        security: best.security,
        breaking: best.breaking,
        asks_more,
        waits_for: None,
    })
}
