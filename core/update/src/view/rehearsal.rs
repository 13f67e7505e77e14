//! What a rehearsal came to, as a plan tells it before anyone says yes.

use newleaf_domain::{Digest, Target, Timestamp, Version};
use serde::{Deserialize, Serialize};

use crate::port::{AppRehearsed, BrokenApp, Rehearsed};

/// The last rehearsal of a release of core or of an app on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsalNote {
    /// Core or the app.
    #[serde(default = "core")]
    pub target: Target,
    /// The release's version.
    pub version: Version,
    /// SHA-256 of its package.
    pub digest: Digest,
    /// The version that served meanwhile.
    pub from: Version,
    /// When it was over.
    pub at: Timestamp,
    /// How long each part of core's took; none where it did not come to a good end.
    pub rehearsed: Option<Rehearsed>,
    /// How long each part of an app's took; none where it did not come to a good end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppRehearsed>,
    /// Why it did not.
    pub why: Option<String>,
    /// How many apps were compiled and linked.
    pub apps: usize,
    /// Those that the version cannot run.
    pub broken: Vec<BrokenApp>,
}

/// What was rehearsed before apps were.
const fn core() -> Target {
    Target::Core
}

impl RehearsalNote {
    /// Whether the version ran on a copy of the data, and every app under it.
    pub const fn is_good(&self) -> bool {
        (self.rehearsed.is_some() || self.app.is_some()) && self.broken.is_empty()
    }

    /// What came of it, a sentence each.
    pub fn sentences(&self) -> Vec<String> {
        let mut told = Vec::new();
        match (&self.rehearsed, &self.app, &self.why) {
            (_, Some(app), _) => {
                told.push(format!("on a copy of its data: {app}"));
                told.push(format!("expected pause: {}", crate::pause::spoken(app.pause())));
            }
            (Some(rehearsed), None, _) => {
                told.push(format!("on a copy of the data: {rehearsed}"));
                let seconds = (rehearsed.expand_ms + rehearsed.start_ms).div_ceil(1000).max(1);
                told.push(format!(
                    "expected: about {seconds} s until the new version takes over, while {} serves",
                    self.from
                ));
            }
            (None, None, Some(why)) => told.push(why.clone()),
            (None, None, None) => told.push("not rehearsed".to_owned()),
        }
        let warmed = crate::port::Warmed { apps: self.apps, broken: self.broken.clone() };
        match warmed.breaks() {
            Some(breaks) => told.push(breaks),
            None if self.apps > 0 => {
                told.push(format!("{} compiled and linked", crate::port::counted(self.apps)));
            }
            None => {}
        }
        told
    }
}
