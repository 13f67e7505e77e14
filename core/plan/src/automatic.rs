//! What may be carried out without anyone being asked. Says only what a plan waits for; whether and
//! when one is begun is decided elsewhere.

use newleaf_domain::version::Step;
use newleaf_domain::{Grant, Target};
use serde::{Deserialize, Serialize};

use crate::{Change, Plan};

/// How far a target is updated by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Automatic {
    /// Not at all: an admin starts each update.
    #[default]
    Off,
    /// Where only the patch number grows.
    Patch,
    /// Where the major number stays.
    Minor,
    /// To the newest there is.
    Major,
}

impl Automatic {
    /// Whether a step of this length is made by itself.
    const fn takes(self, step: Step) -> bool {
        match (self, step) {
            (Self::Off, _) => false,
            (Self::Patch, Step::Minor | Step::Major) | (Self::Minor, Step::Major) => false,
            (Self::Patch, Step::Patch)
            | (Self::Minor, Step::Patch | Step::Minor)
            | (Self::Major, _) => true,
        }
    }
}

/// `off`, `patch`, `minor`, `major`, as in the settings.
impl std::fmt::Display for Automatic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Off => "off",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

/// Why a plan is not carried out without a person's yes; a sentence part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "for", rename_all = "kebab-case")]
pub enum WaitsFor {
    /// The app could do more than today. Nothing but a yes to exactly this plan changes that.
    #[error("it asks for more than today: {}", listed(asks))]
    Consent {
        /// What of it needs the yes.
        asks: Vec<Grant>,
    },
    /// Something stops working, in its author's own words.
    #[error("something stops working with it: {}", sentences.join(" "))]
    Breaking {
        /// The author's sentences.
        sentences: Vec<String>,
    },
    /// Its step is longer than what the settings allow.
    #[error("{target} is updated by itself for {allowed} steps only, and this one is {}", step_word(*step))]
    Longer {
        /// Core or the app.
        target: Target,
        /// How far it is.
        step: Step,
        /// What the settings allow.
        allowed: Automatic,
    },
}

impl Plan {
    /// What the plan waits for where its target is updated by itself as far as `allowed`; none where
    /// it can begin. Permissions come first: no setting waives them.
    pub fn waits_for(&self, allowed: Automatic) -> Option<WaitsFor> {
        let asks = self.changes.iter().flat_map(wider).collect::<Vec<_>>();
        if !asks.is_empty() {
            return Some(WaitsFor::Consent { asks });
        }
        let sentences = self.changes.iter().flat_map(|it| it.breaking.clone()).collect::<Vec<_>>();
        if !sentences.is_empty() {
            return Some(WaitsFor::Breaking { sentences });
        }
        let goal = self.goal()?;
        let before = self.changes.first().and_then(|first| first.from.as_ref())?;
        let step = goal.to.step_from(before);
        (!allowed.takes(step)).then(|| WaitsFor::Longer {
            target: goal.target.clone(),
            step,
            allowed,
        })
    }
}

fn wider(change: &Change) -> impl Iterator<Item = Grant> {
    change.grant_changes.iter().filter(|it| it.widens).filter_map(|it| it.to.clone())
}

fn listed(grants: &[Grant]) -> String {
    grants.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

const fn step_word(step: Step) -> &'static str {
    match step {
        Step::Patch => "a patch",
        Step::Minor => "minor",
        Step::Major => "major",
    }
}
