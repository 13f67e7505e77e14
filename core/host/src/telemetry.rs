//! Logs on stderr: set up once, at the start of a process.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogForm};

/// Writes this process's log to stderr as the settings say. A filter that does not parse is
/// replaced by `info`, which the log then says. A second call changes nothing.
pub(crate) fn start(log: &Log) {
    let parsed = EnvFilter::try_new(&log.filter);
    let mistake = parsed.as_ref().err().map(ToString::to_string);
    let filter = parsed.unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let first = match log.form {
        LogForm::Text => lines.with_ansi(false).try_init().is_ok(),
        LogForm::Json => lines.json().try_init().is_ok(),
    };
    if let (true, Some(mistake)) = (first, mistake) {
        tracing::warn!(filter = log.filter, "log filter is not understood, using info: {mistake}");
    }
}
