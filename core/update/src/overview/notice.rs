//! What a person must read first, each with what to do about it.

use newleaf_domain::Target;
use newleaf_launcher::journal::Ending;
use newleaf_launcher::loss::Missing;
use newleaf_launcher::state::State;

use crate::Updater;
use crate::ledger::is_success;
use crate::refresh::Known;
use crate::view::{Freshness, HistoryEntry, Notice, Prerequisite, RunningUpdate, Severity};

/// Signatures that expire within so many seconds are worth a word: a day.
const SOON: i64 = 24 * 60 * 60;

impl Updater {
    /// What to read first: the last failure of each target, bad releases, what will fail soon.
    pub(super) fn notices(
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

/// The launcher waits for its disk, with no update under way.
pub(super) fn disk_notice(why: &str) -> Notice {
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
pub(super) fn interruption_notice(running: &RunningUpdate) -> Option<Notice> {
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
pub(super) fn lost_notice(lost: &Missing, state: &State) -> Notice {
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
pub(super) fn failed_start_notice(why: &str) -> Notice {
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
pub(super) fn ports_notice(row: Prerequisite) -> Notice {
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

/// Ends a notice as a sentence, whatever the reason it ends with came as.
pub(super) fn close(text: &mut String) {
    text.truncate(text.trim_end().len());
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
}
