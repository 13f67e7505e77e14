//! Changes one setting of `newleaf.toml` and leaves every other line, comments included, as the
//! admin wrote it. What comes of it is read back before anyone writes it.

use std::collections::BTreeSet;
use std::path::Path;

use newleaf_domain::{Channel, Target, Version};

use super::{Config, ConfigError};

/// The table of the channels.
const CHANNELS: &str = "[policy.channels]";

/// The table of the versions that are not offered.
const SKIPPED: &str = "[policy.skipped]";

/// Why a setting was not changed. Completes "failed to change newleaf.toml: …".
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The file is not understood as it is.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It is written in a way that is not changed line by line.
    #[error("the line for {target} could not be found or added without changing another setting")]
    Form {
        /// Whose line.
        target: Target,
    },
}

/// The text with `target` following `channel`.
///
/// # Errors
/// [`EditError`].
pub fn with_channel(
    text: &str,
    path: &Path,
    target: &Target,
    channel: Channel,
) -> Result<String, EditError> {
    let mut wanted = Config::parse(text, path)?;
    wanted.policy.channels.insert(target.clone(), channel);
    let edited = edited(text, CHANNELS, target, line_of(target, channel));
    read_back(edited, path, &wanted, target)
}

/// The text with exactly `versions` of `target` not offered.
///
/// # Errors
/// [`EditError`].
pub fn with_skipped(
    text: &str,
    path: &Path,
    target: &Target,
    versions: &BTreeSet<Version>,
) -> Result<String, EditError> {
    let mut wanted = Config::parse(text, path)?;
    wanted.policy.skipped.insert(target.clone(), versions.clone());
    let edited = edited(text, SKIPPED, target, skipped_line(target, versions));
    read_back(edited, path, &wanted, target)
}

/// The text, where it says what is wanted and nothing else.
fn read_back(
    edited: String,
    path: &Path,
    wanted: &Config,
    target: &Target,
) -> Result<String, EditError> {
    match Config::parse(&edited, path) {
        Ok(config) if config == *wanted => Ok(edited),
        Ok(_) | Err(_) => Err(EditError::Form { target: target.clone() }),
    }
}

/// The line that an admin would write.
pub fn line_of(target: &Target, channel: Channel) -> String {
    format!("{} = \"{channel}\"", key_of(target))
}

/// The line that an admin would write.
pub fn skipped_line(target: &Target, versions: &BTreeSet<Version>) -> String {
    let versions = versions.iter().map(|version| format!("\"{version}\""));
    format!("{} = [{}]", key_of(target), versions.collect::<Vec<_>>().join(", "))
}

fn key_of(target: &Target) -> String {
    match target {
        Target::Core => "core".to_owned(),
        Target::App(app) => format!("\"{app}\""),
    }
}

fn edited(text: &str, table: &str, target: &Target, line: String) -> String {
    let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
    let is_table = |line: &String| line.split('#').next().is_some_and(|it| it.trim() == table);
    if let Some(header) = lines.iter().position(is_table) {
        let inside = lines.iter().skip(header + 1).take_while(|line| !line.starts_with('['));
        match inside.clone().position(|line| is_of(line, target)) {
            Some(at) => lines[header + 1 + at] = line,
            None => lines.insert(header + 1, line),
        }
    } else {
        lines.extend([String::new(), table.to_owned(), line]);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Whether a line is that of `target`.
fn is_of(line: &str, target: &Target) -> bool {
    let key = line.split_once('=').map(|(key, _)| key.trim());
    let key = key.map(|key| key.trim_matches(|c| c == '"' || c == '\''));
    key == Some(target.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{RepositoryUrl, template};

    fn edit(text: &str, target: &str, channel: Channel) -> Result<String, String> {
        let target = Target::parse(target).unwrap();
        with_channel(text, Path::new("newleaf.toml"), &target, channel)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn one_line_is_added_and_later_replaced_and_nothing_else_changes() {
        let before = template(&RepositoryUrl::parse("https://updates.example.com").unwrap());
        let beta = edit(&before, "core", Channel::Beta).unwrap();
        let both = edit(&beta, "acme/notes", Channel::Nightly).unwrap();
        let stable = edit(&both, "core", Channel::Stable).unwrap();
        let added = |text: &str| {
            text.lines()
                .filter(|line| !before.lines().any(|old| old == *line))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(added(&beta), ["core = \"beta\""]);
        assert_eq!(added(&stable), ["\"acme/notes\" = \"nightly\"", "core = \"stable\""]);
        assert_eq!(stable.lines().count(), before.lines().count() + 2);
    }

    #[test]
    fn versions_that_are_refused_stand_in_a_line_of_their_own() {
        let before = template(&RepositoryUrl::parse("https://updates.example.com").unwrap());
        let skip = |text: &str, versions: &[&str]| {
            let versions = versions.iter().map(|it| Version::parse(it).unwrap()).collect();
            let target = Target::parse("acme/notes").unwrap();
            with_skipped(text, Path::new("newleaf.toml"), &target, &versions).unwrap()
        };
        let one = skip(&before, &["2.0.0"]);
        assert!(one.contains("[policy.skipped]\n\"acme/notes\" = [\"2.0.0\"]\n"), "{one}");
        let two = skip(&one, &["2.0.0", "2.1.0"]);
        assert!(two.contains("\"acme/notes\" = [\"2.0.0\", \"2.1.0\"]\n"), "{two}");
        let none = skip(&two, &[]);
        assert!(none.contains("\"acme/notes\" = []\n"), "{none}");
        assert_eq!(none.lines().count(), one.lines().count());
    }

    #[test]
    fn the_table_is_added_where_there_is_none() {
        let before = "[repository]\nurl = \"file:///srv/updates\"\n";
        let after = edit(before, "core", Channel::Beta).unwrap();
        assert_eq!(after, format!("{before}\n[policy.channels]\ncore = \"beta\"\n"));
    }

    #[test]
    fn what_is_written_otherwise_is_left_to_the_admin() {
        let before =
            "policy.channels.core = \"stable\"\n[repository]\nurl = \"file:///srv/updates\"\n";
        let error = edit(before, "core", Channel::Beta).unwrap_err();
        assert!(error.contains("the line for core"), "{error}");
        assert!(edit("[nonsense", "core", Channel::Beta).is_err());
    }
}
