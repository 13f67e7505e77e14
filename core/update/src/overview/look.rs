//! Puts the overview together: the sentence, the notices, a row for core and for each app.

use newleaf_domain::{Target, shell};
use newleaf_launcher::journal::Ending;

use super::notice::{
    close, disk_notice, failed_start_notice, interruption_notice, lost_notice, ports_notice,
};
use crate::explain::{Explain, chain};
use crate::port::{LauncherError, Reach, StoreError};
use crate::refresh::CheckError;
use crate::view::{Notice, Overview, RunningUpdate, Severity};
use crate::{Updater, preflight};

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
