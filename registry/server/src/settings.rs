//! `registry.toml`: what an operator may choose.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The settings file. Every field has a default; unknown ones are refused, because a misspelt
/// setting is worse than none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Milliseconds in which roles are gathered before one snapshot is signed for all; 50 to 60000.
    pub batch_ms: u64,
    /// Seconds a sender of a role is kept waiting for the decision, before 202; 1 to 55, so
    /// that the answer comes before senders give up at 60 s.
    pub wait_seconds: u64,
    /// Deltas lead to a release from so many versions before it; 0 to 10, 0 for none.
    pub deltas: usize,
    /// Whether a compressed copy is put beside each package.
    pub copies: bool,
    /// How much work each of them is worth.
    pub effort: Effort,
}

/// How much work a smaller form of a package is worth to the registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// As small as can be: minutes of one processor for a core.
    #[default]
    Best,
    /// Seconds, and half as large again.
    Quick,
}

impl From<Effort> for newleaf_package::transport::Effort {
    fn from(effort: Effort) -> Self {
        match effort {
            Effort::Best => Self::Best,
            Effort::Quick => Self::Quick,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { batch_ms: 5000, wait_seconds: 30, deltas: 3, copies: true, effort: Effort::Best }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{} could not be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Not TOML, or a field that is unknown or of the wrong form.
    #[error("{} is not a settings file", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// A number out of its range.
    #[error("{field} is {found}, but must be {lowest} to {highest}")]
    Range {
        /// The setting.
        field: &'static str,
        /// What it is.
        found: u64,
        /// The least it may be.
        lowest: u64,
        /// The most it may be.
        highest: u64,
    },
}

impl Settings {
    /// What a new registry's file says.
    pub const TEMPLATE: &'static str = "\
# Milliseconds in which roles are gathered before one snapshot is signed for all of them.
batch_ms = 5000
# Seconds a publisher is kept waiting until hosts can see the release; then the answer is 202.
wait_seconds = 30
# Deltas lead to a release from so many versions before it; 0 makes none. They are made after the
# release is out, by one thread of the lowest priority.
deltas = 3
# Whether a compressed copy is put beside each package.
copies = true
# \"best\" or \"quick\": how much work each of them is worth.
effort = \"best\"
";

    /// Reads the file at `path`; the defaults where there is none.
    ///
    /// # Errors
    /// It cannot be read, or says something it may not.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(SettingsError::Io { path: path.to_owned(), source }),
        };
        let settings: Self = toml::from_str(&text).map_err(|source| SettingsError::Form {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
        settings.check()
    }

    /// The same settings, if each is in its range.
    ///
    /// # Errors
    /// [`SettingsError::Range`].
    pub fn check(self) -> Result<Self, SettingsError> {
        let ranges = [
            ("batch_ms", self.batch_ms, 50, 60_000),
            ("wait_seconds", self.wait_seconds, 1, 55),
            ("deltas", self.deltas as u64, 0, 10),
        ];
        for (field, found, lowest, highest) in ranges {
            if !(lowest..=highest).contains(&found) {
                return Err(SettingsError::Range { field, found, lowest, highest });
            }
        }
        Ok(self)
    }

    /// [`batch_ms`](Self::batch_ms) as a duration.
    pub const fn batch(&self) -> Duration {
        Duration::from_millis(self.batch_ms)
    }

    /// [`wait_seconds`](Self::wait_seconds) as a duration.
    pub const fn wait(&self) -> Duration {
        Duration::from_secs(self.wait_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_says_the_defaults() {
        assert_eq!(toml::from_str::<Settings>(Settings::TEMPLATE).unwrap(), Settings::default());
    }

    #[test]
    fn a_misspelt_setting_and_one_out_of_range_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("registry.toml");
        fs::write(&path, "batchms = 5").unwrap();
        assert!(matches!(Settings::read(&path), Err(SettingsError::Form { .. })));
        fs::write(&path, "batch_ms = 5").unwrap();
        assert!(matches!(Settings::read(&path), Err(SettingsError::Range { found: 5, .. })));
    }
}
