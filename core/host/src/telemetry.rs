//! Logs on stderr, and their end in the host's folder: set up once, at the start of a process.

use std::path::Path;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogForm};
use crate::support::kept_log::KeptLog;

/// Writes this process's log to stderr as the settings say, and keeps its end in `dir`. A filter
/// that does not parse is replaced by `info`, which the log then says. A second call changes
/// nothing.
pub(crate) fn start(log: &Log, dir: &Path) {
    let parsed = EnvFilter::try_new(&log.filter);
    let mistake = parsed.as_ref().err().map(ToString::to_string);
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(KeptLog::of(dir));
    let first = match log.form {
        LogForm::Text => lines.with_ansi(false).try_init().is_ok(),
        LogForm::Json => lines.json().try_init().is_ok(),
    };
    if first {
        log_panics();
    }
    if let (true, Some(mistake)) = (first, mistake) {
        tracing::warn!(filter = log.filter, "log filter is not understood, using info: {mistake}");
    }
}

/// A panic's place is in the log too, not on stderr alone.
fn log_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("{panic}");
        before(panic);
    }));
}
