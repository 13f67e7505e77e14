//! Every version there is, with its notes. Notes are a courtesy: what cannot be read within
//! moments is left out, so that a repository that is slow or gone never holds up the page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use newleaf_domain::{Digest, Target, Version};
use newleaf_plan::Candidate;

use crate::Updater;
use crate::explain::chain;
use crate::port::StoreError;
use crate::refresh::Known;
use crate::view::{ReleaseRow, ReleasesView};

/// How long all notes of one page may take.
const NOTES_WITHIN: Duration = Duration::from_secs(4);

/// Releases whose notes are read; of older ones the newer changelogs tell.
const WITH_NOTES: usize = 30;

/// Changelogs that are read at once.
const AT_ONCE: usize = 6;

/// Notes that are kept in memory, by the digest of their changelog.
const KEPT: usize = 256;

/// The longest notes of one release, in characters; a plan shows the whole changelog.
const LONGEST: usize = 4_000;

impl Updater {
    /// Every release of `target` that is known of, each with its verdict and its notes.
    ///
    /// # Errors
    /// What is kept on disk cannot be read.
    pub async fn releases(&self, target: &Target) -> Result<ReleasesView, StoreError> {
        if let Err(error) = self.recall().await {
            tracing::debug!(error = chain(&error), "nothing is recalled of the repository");
        }
        let installed = self.installed().await?;
        let version = match target {
            Target::Core => Some(installed.core.version.clone()),
            Target::App(app) => installed.apps.get(app).map(|app| app.version.clone()),
        };
        let mut view = ReleasesView {
            target: target.clone(),
            version,
            channel: self.channel(target),
            releases: Vec::new(),
            blocked: None,
            freshness: self.freshness().await?,
        };
        if let Some(known) = self.known() {
            let survey = self.survey(&known, &installed, target);
            view.blocked = survey.untrusted;
            view.releases = self.with_notes(&known, survey.candidates).await;
        }
        Ok(view)
    }

    async fn with_notes(&self, known: &Known, candidates: Vec<Candidate>) -> Vec<ReleaseRow> {
        let read = |(at, one): (usize, &Candidate)| {
            let one = one.clone();
            async move { (at, self.notes_of(known, &one).await) }.boxed()
        };
        let reads = candidates.iter().take(WITH_NOTES).enumerate().map(read).collect::<Vec<_>>();
        let mut reading = stream::iter(reads).buffer_unordered(AT_ONCE);
        let mut notes = BTreeMap::new();
        let all = async {
            while let Some((at, read)) = reading.next().await {
                notes.insert(at, read);
            }
        };
        if tokio::time::timeout(NOTES_WITHIN, all).await.is_err() {
            tracing::debug!("some notes were not read in time");
        }
        drop(reading);
        let row = |(at, candidate)| ReleaseRow { candidate, notes: notes.remove(&at).flatten() };
        candidates.into_iter().enumerate().map(row).collect()
    }

    /// What the changelog beside a release says of it.
    async fn notes_of(&self, known: &Known, one: &Candidate) -> Option<String> {
        let path = known
            .targets
            .releases(&one.target)
            .find(|(_, file)| file.sha256 == one.digest)
            .map(|(path, _)| path.to_string())?;
        let beside = known.targets.beside(known.targets.file(&path)?, "CHANGELOG.md")?;
        let digest = beside.sha256;
        let text = if let Some(text) = self.changelog(&digest) {
            text
        } else {
            let bytes = self.text_beside(known, &path, "CHANGELOG.md").await?;
            let text: Arc<str> = String::from_utf8_lossy(&bytes).into();
            self.keep_changelog(digest, Arc::clone(&text));
            text
        };
        Some(excerpt(&text, &one.version))
    }

    fn changelog(&self, digest: &Digest) -> Option<Arc<str>> {
        self.changelogs().get(digest).cloned()
    }

    fn keep_changelog(&self, digest: Digest, text: Arc<str>) {
        let mut kept = self.changelogs();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(digest, text);
    }
}

/// The section of a changelog that is about `version`, without its heading; the whole where no
/// heading names a version.
fn excerpt(changelog: &str, version: &Version) -> String {
    let lines = changelog.lines().collect::<Vec<_>>();
    let level = |line: &str| line.bytes().take_while(|byte| *byte == b'#').count();
    let names = |line: &&str| {
        let mut words = line.split(|c: char| c.is_whitespace() || "[](),:".contains(c));
        level(line) > 0 && words.any(|word| word.trim_start_matches('v') == version.as_str())
    };
    let section = match lines.iter().position(names) {
        Some(at) => {
            let own = level(lines[at]);
            let rest = &lines[at + 1..];
            let end = rest.iter().position(|line| (1..=own).contains(&level(line)));
            rest[..end.unwrap_or(rest.len())].join("\n")
        }
        None => lines.join("\n"),
    };
    let section = section.trim();
    match section.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", section[..end].trim_end()),
        None => section.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(changelog: &str, version: &str) -> String {
        excerpt(changelog, &Version::parse(version).unwrap())
    }

    #[test]
    fn each_version_gets_its_own_section() {
        let log = "# Changelog\n\nAll of it.\n\n## [1.1.0] - 2026-11-01\n\n### Added\n- Pins.\n\n\
                   ## v1.0.0 (2026-10-01)\n\nThe first.\n";
        assert_eq!(of(log, "1.1.0"), "### Added\n- Pins.");
        assert_eq!(of(log, "1.0.0"), "The first.");
    }

    #[test]
    fn a_changelog_without_versions_is_taken_whole_and_a_long_one_is_cut() {
        assert_eq!(of("Better.\n", "1.0.0"), "Better.");
        let long = of(&"word ".repeat(2_000), "1.0.0");
        assert!(long.ends_with('…') && long.chars().count() <= LONGEST + 1);
    }

    #[test]
    fn a_longer_number_is_another_version() {
        assert_eq!(of("## 1.10.0\n\nTen.\n\n## 1.1.0\n\nOne.\n", "1.1.0"), "One.");
    }
}
