//! The host in one sentence, then in rows: what runs, what could, and what a person must read
//! first. Looks at nothing but what is known already.

use newleaf_domain::{PackageName, Target, Timestamp, UpdateId, shell};
use newleaf_launcher::journal::{Ending, Entry};
use newleaf_launcher::loss::Missing;
use newleaf_launcher::state::{AppState, State};
use newleaf_plan::{Candidate, Installed, Survey};

use crate::Updater;
use crate::explain::{Explain, chain};
use crate::ledger::is_success;
use crate::port::{LauncherError, Reach, SlotRef, StoreError};
use crate::preflight;
use crate::refresh::{CheckError, Known};
use crate::view::{
    AppRow, CoreCard, DataChoice, Freshness, HistoryEntry, Notice, Offer, Overview, Prerequisite,
    RunningUpdate, Severity, UndoOffer,
};

/// Signatures that expire within so many seconds are worth a word: a day.
const SOON: i64 = 24 * 60 * 60;

/// Nothing newer is offered.
const UP_TO_DATE: &str = "Everything is up to date.";

/// Whether anything newer is offered cannot be told.
const UNKNOWN: &str = "Whether anything newer is there is not known.";

/// Why there is no overview. Completes "failed to look at the host: …".
#[derive(Debug, thiserror::Error)]
pub enum OverviewError {
    /// State or journal.
    #[error("the journal cannot be read")]
    Launcher(#[source] LauncherError),
    /// What is kept on disk.
    #[error("what is kept on disk cannot be read")]
    Store(#[source] StoreError),
}

impl Explain for OverviewError {
    fn class(&self) -> crate::ExitClass {
        crate::ExitClass::Failed
    }

    fn todo(&self) -> String {
        "newleaf preflight names the folder and the command that mends it".to_owned()
    }
}

impl Updater {
    /// The host as it stands. Asks nobody outside this machine.
    ///
    /// # Errors
    /// [`OverviewError`].
    pub async fn overview(&self) -> Result<Overview, OverviewError> {
        let recalled = self.recall().await;
        let known = self.known();
        let installed = self.installed().await.map_err(OverviewError::Store)?;
        let freshness = self.freshness().await.map_err(OverviewError::Store)?;
        let history = self.history().await.map_err(OverviewError::Launcher)?;
        let state = self.state();
        let until = self.undo_until(&state, &history).await.map_err(OverviewError::Store)?;
        let core = self.core_card(&state, known.as_deref(), &installed, until);
        let mut apps = Vec::new();
        for (name, app) in &state.apps {
            apps.push(self.app_row(name, app, known.as_deref(), &installed, &history).await);
        }
        let running = self.running_update().await.map_err(OverviewError::Launcher)?;
        let mut overview = Overview {
            sentence: String::new(),
            notices: self.notices(&state, &history, &freshness, known.as_deref()),
            core,
            apps,
            running,
            freshness,
            seq: state.seq,
        };
        let folder = self.ports().ground.space().await.ok().map(|space| space.path);
        let still = match overview.running.as_ref().and_then(interruption_notice) {
            Some(notice) => Some(notice),
            None => self.ports().launcher.refuses().map(|why| disk_notice(&why)),
        };
        let room = |folder| format!("df -h {}", shell::word(folder));
        let still = still.map(|notice| Notice { command: folder.map(room), ..notice });
        overview.notices.splice(0..0, still);
        let (lost, failed_start) = {
            let ledger = self.ledger().await.map_err(OverviewError::Launcher)?;
            (ledger.lost(&state), ledger.failed_start().map(failed_start_notice))
        };
        overview.notices.splice(0..0, lost.map(|lost| lost_notice(&lost, &state)));
        overview.notices.splice(0..0, failed_start);
        overview.notices.extend(preflight::lost_ports(self).await.map(ports_notice));
        overview.sentence = match self.deferred(&overview).await.map_err(OverviewError::Launcher)? {
            Some(told) => told,
            None => sentence(&overview),
        };
        // Before the first check there is nothing to recall, which the sentence says.
        if let (Err(error), Some(_)) = (&recalled, overview.freshness.last_check) {
            tell_unknown(&mut overview, error);
        }
        // Nothing runs where it waits for a start.
        let waits = self.staged().map(|(update, _)| update);
        overview.running = overview.running.filter(|running| Some(&running.id) != waits.as_ref());
        Ok(overview)
    }

    fn core_card(
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
                version: slot.version.clone(),
                loses: None,
                until,
                grants: Vec::new(),
                left_behind: known.map_or_else(Vec::new, |known| {
                    let policy = self.policy();
                    newleaf_plan::left_behind(installed, &known.targets, &policy, &slot.version)
                }),
            }),
            channel: self.channel(&Target::Core),
        }
    }

    async fn app_row(
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
        AppRow {
            id: name.clone(),
            name: if display.is_empty() { name.app().to_owned() } else { display },
            summary,
            version: app.good.as_ref().map(|good| good.version.clone()),
            path: format!("/apps/{name}/"),
            serving: app.good.is_some() && stopped.is_none() && serving.is_some(),
            stopped,
            offer: survey.as_ref().and_then(|survey| offer(survey, asks_more)).map(waits),
            blocked: survey.as_ref().and_then(|survey| survey.untrusted.clone()),
            candidates: survey.map_or_else(Vec::new, |survey| survey.candidates),
            undo: undo_of(app, serving.as_ref().and_then(|it| it.writes)),
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
            back: undo_of(&app, None).map(|undo| undo.version),
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

    /// What to say of an update that is open while no host runs.
    async fn deferred(&self, overview: &Overview) -> Result<Option<String>, LauncherError> {
        let Some(running) = &overview.running else { return Ok(None) };
        let Some(report) = self.report(&running.id).await? else { return Ok(None) };
        let product = &overview.core.product;
        let folder = self.ports().launcher.reach() == Reach::Folder;
        Ok(match report.ending {
            Some(Ending::Deferred) => Some(format!(
                "{product} {} is staged and takes effect at the next start of the host.",
                report.to
            )),
            None if folder => Some(format!(
                "The update of {} to {} was interrupted; it is cleared up at the next start of \
                 the host, or before the next change.",
                report.target, report.to
            )),
            Some(_) | None => None,
        })
    }

    async fn running_update(&self) -> Result<Option<RunningUpdate>, LauncherError> {
        let Some(id) = self.running().await? else { return Ok(None) };
        let report = self.report(&id).await?;
        Ok(report.map(|report| RunningUpdate {
            id,
            step: report.running_step(),
            target: report.target,
            interrupted: report.interrupted,
        }))
    }

    /// What to read first: the last failure of each target, bad releases, what will fail soon.
    fn notices(
        &self,
        state: &State,
        history: &[HistoryEntry],
        freshness: &Freshness,
        known: Option<&Known>,
    ) -> Vec<Notice> {
        let targets =
            std::iter::once(Target::Core).chain(state.apps.keys().cloned().map(Target::App));
        let last =
            targets.filter_map(|target| history.iter().find(|entry| entry.target.target == target));
        let mut notices = last.filter_map(failure_notice).collect::<Vec<_>>();
        notices.extend(stood_in(state));
        notices.extend(image_notice(state));
        notices.extend(flagged(state, known));
        notices.extend(self.freshness_notice(freshness));
        notices.extend(clock_notice(known));
        notices.extend(self.ports().ground.notices());
        notices.sort_by_key(|notice| std::cmp::Reverse(notice.severity));
        for notice in &mut notices {
            close(&mut notice.text);
        }
        notices
    }

    fn freshness_notice(&self, freshness: &Freshness) -> Option<Notice> {
        // Nobody looks, so that the last look grows old is as it was meant.
        if freshness.off_since.is_some() {
            return None;
        }
        let now = self.ports().clock.now();
        let text = match (&freshness.last_error, freshness.expires) {
            (Some(error), _) => format!("The last look at the repository failed: {error}."),
            (None, Some(expires)) if expires <= now => {
                format!("The repository's signatures expired at {expires}.")
            }
            (None, Some(expires)) if expires.seconds_since(now) < SOON / 24 => {
                format!("The repository's signatures expire at {expires}.")
            }
            (None, _) => return None,
        };
        Some(Notice {
            severity: Severity::Warning,
            text,
            todo: Some("Check the network and the repository, then look again.".to_owned()),
            command: Some("newleaf check".to_owned()),
            update: None,
        })
    }
}

/// What was kept of the repository is lost or does not hold: so nothing can be said to be newest.
fn tell_unknown(overview: &mut Overview, error: &CheckError) {
    if overview.sentence == UP_TO_DATE {
        UNKNOWN.clone_into(&mut overview.sentence);
    }
    let mut text = format!("What is kept of the repository cannot be used: {}", chain(error));
    close(&mut text);
    overview.notices.push(Notice {
        severity: Severity::Error,
        text,
        todo: Some(error.todo()),
        command: Some("newleaf check".to_owned()),
        update: None,
    });
}

/// The launcher waits for its disk, with no update under way.
fn disk_notice(why: &str) -> Notice {
    let mut text = format!("The host cannot write down what it did: {why}");
    close(&mut text);
    Notice {
        severity: Severity::Error,
        text,
        todo: Some(
            "Make room on the disk, or mend it: the host then goes on by itself.".to_owned(),
        ),
        command: None,
        update: None,
    }
}

/// An update that stands still: before everything else, since it is mended first.
fn interruption_notice(running: &RunningUpdate) -> Option<Notice> {
    let mut text = format!(
        "The update of {} was interrupted, since its records cannot be written: {}",
        running.target,
        running.interrupted.as_ref()?
    );
    close(&mut text);
    Some(Notice {
        severity: Severity::Error,
        text,
        todo: Some(
            "Make room on the disk, or mend it: the host then finishes the update or takes it back, \
             by itself."
                .to_owned(),
        ),
        command: None,
        update: Some(running.id.clone()),
    })
}

/// What a start from an older `state` has lost: before everything else.
fn lost_notice(lost: &Missing, state: &State) -> Notice {
    Notice {
        severity: Severity::Error,
        text: format!(
            "The host's state is older than its journal, since the newer one could not be read or a \
             backup was put back: it does not name {} {}, which had been installed.",
            lost.target, lost.version
        ),
        todo: Some("Install it again, and look after the disk.".to_owned()),
        command: Some(lost.command(state)),
        update: Some(lost.update.clone()),
    }
}

/// The host does not run since its last start came to nothing.
fn failed_start_notice(why: &str) -> Notice {
    let mut text = format!("The host did not start: {why}");
    close(&mut text);
    Notice {
        severity: Severity::Error,
        text,
        todo: Some("Mend it, then start the host; its log and the preflight say more.".to_owned()),
        command: Some("newleaf preflight".to_owned()),
        update: None,
    }
}

/// The right to bind a port is gone, or cannot be learnt: told while the port is still held.
fn ports_notice(row: Prerequisite) -> Notice {
    let mut text = row.measured;
    close(&mut text);
    Notice {
        severity: Severity::Warning,
        text,
        todo: row.remedy,
        command: row.command,
        update: None,
    }
}

/// What is to be said of the program at `<prefix>`.
fn image_notice(state: &State) -> Option<Notice> {
    let note = state.core.image.as_ref()?.note.as_ref()?;
    (note.about == state.core.good.digest).then(|| Notice {
        severity: Severity::Warning,
        text: note.text.clone(),
        todo: Some(note.todo.clone()),
        command: note.command.clone(),
        update: None,
    })
}

/// The last update of a target, where it did not succeed: its reason comes first.
fn failure_notice(entry: &HistoryEntry) -> Option<Notice> {
    let ending = entry.ending?;
    if is_success(ending) {
        return None;
    }
    let reason = entry.reason.clone().unwrap_or_else(|| "no reason was recorded".to_owned());
    let target = &entry.target;
    let what = match ending {
        Ending::RolledBack => format!("{} {} was taken back", target.target, target.to),
        Ending::Undone => {
            format!("The update of {} to {} was interrupted", target.target, target.to)
        }
        Ending::Failed | Ending::Committed | Ending::Deferred => {
            format!("The update of {} to {} failed", target.target, target.to)
        }
    };
    let severity = if ending == Ending::Undone { Severity::Warning } else { Severity::Error };
    Some(Notice {
        severity,
        text: format!("{what}: {reason}"),
        todo: None,
        command: Some("newleaf history".to_owned()),
        update: Some(entry.id.clone()),
    })
}

/// A version of core that serves because the one after it is damaged on disk.
fn stood_in(state: &State) -> Option<Notice> {
    let reason = state.core.stand_in.as_ref()?;
    Some(Notice {
        severity: Severity::Error,
        text: format!("Core {reason}"),
        todo: Some("Look at the disk for faults, then fetch the newer version anew.".to_owned()),
        command: Some("newleaf update core".to_owned()),
        update: None,
    })
}

/// Installed releases that an advisory is about: flagged, never stopped by it.
fn flagged(state: &State, known: Option<&Known>) -> Vec<Notice> {
    let Some(known) = known else { return Vec::new() };
    let digests = state.apps.iter().filter_map(|(name, app)| {
        app.good.as_ref().map(|good| (Target::App(name.clone()), good.digest, good.version.clone()))
    });
    let core = &state.core.good;
    let all = std::iter::once((Target::Core, core.digest, core.version.clone())).chain(digests);
    all.filter_map(|(target, digest, version)| {
        let mut releases = known.targets.releases(&target);
        let (_, file) = releases.find(|(_, file)| file.sha256 == digest)?;
        let advisory = known.targets.advisories_about(file).next()?;
        Some(Notice {
            severity: Severity::Warning,
            text: format!("{target} {version} was withdrawn: {}", advisory.reason),
            todo: Some("Update it as soon as a newer version is there.".to_owned()),
            command: Some(format!("newleaf update {target}")),
            update: None,
        })
    })
    .collect()
}

fn clock_notice(known: Option<&Known>) -> Option<Notice> {
    let behind = known?.freshness.clock?;
    Some(Notice {
        severity: Severity::Warning,
        text: format!(
            "This machine's clock says {}, but a signature was made at {}.",
            behind.clock, behind.signed_at
        ),
        todo: Some("Set this machine's clock.".to_owned()),
        command: None,
        update: None,
    })
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

/// What *Undo* of an app would lose: nothing where the version before reads the data as it is.
/// `writes` are those since the switch, where they were counted.
fn undo_of(app: &AppState, writes: Option<u64>) -> Option<UndoOffer> {
    let (good, previous) = app.good.as_ref().zip(app.previous.as_ref())?;
    let counted = match writes {
        None | Some(0) => String::new(),
        Some(1) => ", which is 1 change".to_owned(),
        Some(many) => format!(", which are {many} changes"),
    };
    let loses = (previous.schema < good.oldest_reader)
        .then(|| format!("everything written since the update to {}{counted}", good.version));
    let possible = loses.is_none() || good.snapshot.is_some();
    possible.then(|| UndoOffer {
        version: previous.version.clone(),
        loses,
        until: None,
        grants: previous.grants.changes_from(&good.grants),
        left_behind: Vec::new(),
    })
}

/// Ends a notice as a sentence, whatever the reason it ends with came as.
fn close(text: &mut String) {
    text.truncate(text.trim_end().len());
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
}

/// The state in one sentence.
fn sentence(overview: &Overview) -> String {
    if let Some(running) = &overview.running {
        let name = match &running.target {
            Target::Core => &overview.core.product,
            Target::App(id) => {
                let row = overview.apps.iter().find(|app| app.id == *id);
                row.map_or(id.as_str(), |app| &app.name)
            }
        };
        return match &running.interrupted {
            None => format!("{name} is being updated."),
            Some(_) => format!("The update of {name} was interrupted."),
        };
    }
    let offers =
        std::iter::once(&overview.core.offer).chain(overview.apps.iter().map(|app| &app.offer));
    let count = offers.flatten().count();
    if let (0, Some(since)) = (count, overview.freshness.off_since) {
        return format!("Checks for updates are off since {since}: what is newer is not known.");
    }
    match count {
        0 if overview.freshness.last_check.is_none() => {
            "The repository has not been read yet.".to_owned()
        }
        0 => UP_TO_DATE.to_owned(),
        1 => "1 update is ready.".to_owned(),
        many => format!("{many} updates are ready."),
    }
}
