//! Keeps an admin's decisions in `newleaf.toml`, which is the one place where they stand.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use newleaf_domain::{Channel, Target, Version};
use newleaf_update::explain::chain;
use newleaf_update::port::{Policies, PolicyError};

use super::files::{self, blocking};
use crate::config::{self, edit};

/// The settings of one host.
#[derive(Debug, Clone)]
pub(crate) struct TomlPolicies {
    file: PathBuf,
}

impl TomlPolicies {
    /// Those of the host in `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { file: dir.join(config::FILE) }
    }

    /// Edits the file, whose mode stays.
    fn put(
        &self,
        edit: impl Fn(&str, &Path) -> Result<String, edit::EditError>,
    ) -> Result<(), String> {
        let file = &self.file;
        let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
        let mode = std::fs::metadata(file).map_err(|error| error.to_string())?.permissions();
        let edited = edit(&text, file).map_err(|error| chain(&error))?;
        files::put(file, edited.as_bytes()).map_err(|error| {
            format!("{} could not be {}: {}", error.path.display(), error.doing, error.source)
        })?;
        let mode = std::fs::Permissions::from_mode(mode.mode());
        std::fs::set_permissions(file, mode).map_err(|error| error.to_string())
    }

    fn refused(&self, reason: String, table: &str, line: &str) -> PolicyError {
        PolicyError {
            file: self.file.display().to_string(),
            reason,
            todo: format!("write `{line}` below {table} by hand, then restart the host"),
        }
    }
}

#[async_trait]
impl Policies for TomlPolicies {
    async fn put_channel(&self, target: &Target, channel: Channel) -> Result<(), PolicyError> {
        let (policies, of) = (self.clone(), target.clone());
        let edit = move |text: &str, file: &Path| edit::with_channel(text, file, &of, channel);
        let put = blocking(move || policies.put(edit)).await;
        let line = edit::line_of(target, channel);
        put.map_err(|reason| self.refused(reason, "[policy.channels]", &line))
    }

    async fn put_skipped(
        &self,
        target: &Target,
        versions: &BTreeSet<Version>,
    ) -> Result<(), PolicyError> {
        let (policies, of, these) = (self.clone(), target.clone(), versions.clone());
        let edit = move |text: &str, file: &Path| edit::with_skipped(text, file, &of, &these);
        let put = blocking(move || policies.put(edit)).await;
        let line = edit::skipped_line(target, versions);
        put.map_err(|reason| self.refused(reason, "[policy.skipped]", &line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[tokio::test]
    async fn a_channel_is_kept_in_the_settings_and_their_mode_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(config::FILE);
        std::fs::write(&file, "# Ours.\n[repository]\nurl = \"file:///srv/updates\"\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let policies = TomlPolicies::new(dir.path());
        policies.put_channel(&Target::Core, Channel::Beta).await.unwrap();
        let config = Config::load(dir.path()).unwrap();
        assert_eq!(config.policy.channels.get(&Target::Core), Some(&Channel::Beta));
        assert!(std::fs::read_to_string(&file).unwrap().starts_with("# Ours.\n"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[tokio::test]
    async fn settings_that_cannot_be_read_are_left_alone_and_the_line_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = TomlPolicies::new(dir.path()).put_channel(&Target::Core, Channel::Beta).await;
        let error = error.unwrap_err();
        assert!(error.todo.contains("core = \"beta\""), "{}", error.todo);
    }
}
