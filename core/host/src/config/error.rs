//! Why `newleaf.toml` could not be taken, with the line to look at.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use newleaf_domain::shell;
use toml::de::{DeTable, DeValue};

/// Why settings could not be read. The message names file, line and key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A line is not understood.
    #[error("{path} line {line}: {message}", path = path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong, in one line.
        message: String,
    },
    /// It is no text.
    #[error("{path} line {line}: byte {byte:#04x} is not UTF-8 text", path = path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line of the first byte that is none, counted from 1.
        line: usize,
        /// That byte.
        byte: u8,
    },
}

impl ConfigError {
    pub(super) fn form(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
        let said = error.message().lines().collect::<Vec<_>>().join(" ");
        let message = match key_of(text.get(..start).unwrap_or_default()) {
            Some(key) => format!("{key}: {said}"),
            None => said,
        };
        Self::Form { path: path.to_owned(), line, message }
    }

    /// `why` the value of `key`, a path of tables with the key at its end, cannot stand.
    pub(super) fn at(path: &Path, text: &str, key: &[&str], why: &str) -> Self {
        let start = start_of(text, key).unwrap_or_default();
        let line = text.get(..start).map_or(1, |before| before.matches('\n').count() + 1);
        let message = format!("{}: {why}", key.last().copied().unwrap_or_default());
        Self::Form { path: path.to_owned(), line, message }
    }

    pub(super) fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Self {
        let (valid, rest) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line = valid.split(|byte| *byte == b'\n').count();
        let byte = rest.first().copied().unwrap_or_default();
        Self::NotUtf8 { path: path.to_owned(), line, byte }
    }

    /// What an admin can do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Read { path, source } if source.kind() == ErrorKind::NotFound => {
                let dir = path.parent().unwrap_or(path).display();
                format!("is {dir} the folder of a host? newleaf init --help says how one is made")
            }
            Self::Read { path, source } if source.kind() == ErrorKind::PermissionDenied => {
                format!("let the user that runs the host read it: ls -l {}", shell::word(path))
            }
            Self::Read { path, .. } => {
                format!(
                    "look after the disk, or put the file back from a backup: {}",
                    path.display()
                )
            }
            Self::Form { path, line, .. } => format!("edit line {line} of {}", path.display()),
            Self::NotUtf8 { path, line, .. } => {
                format!("edit line {line} of {}, and save the file as UTF-8", path.display())
            }
        }
    }
}

/// Where the value of `key` begins in `text`.
fn start_of(text: &str, key: &[&str]) -> Option<usize> {
    let whole = DeTable::parse(text).ok()?;
    let mut table = whole.get_ref();
    let mut start = None;
    for part in key {
        let (_, value) = table.iter().find(|(name, _)| name.get_ref() == part)?;
        start = Some(value.span().start);
        let DeValue::Table(inner) = value.get_ref() else { break };
        table = inner;
    }
    start
}

/// The key whose value begins where `before` ends; none where a key itself is what is wrong.
fn key_of(before: &str) -> Option<&str> {
    let line = before.rsplit('\n').next()?;
    line.split_once('=').map(|(key, _)| key.trim()).filter(|key| !key.is_empty())
}
