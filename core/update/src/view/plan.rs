//! A plan as an admin reads it before saying yes.

use newleaf_domain::{AppOrigin, ByteSize, GrantChange, Target};
use newleaf_plan::{Candidate, Change, LeftBehind, Plan};
use serde::{Deserialize, Serialize};

use super::{Pause, Prerequisite, RehearsalNote};

/// A plan with its texts, its prerequisites and every candidate's reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// What would be carried out.
    pub plan: Plan,
    /// One for each change of the plan, in its order.
    pub changes: Vec<ChangeView>,
    /// What must hold, as measured now.
    pub prerequisites: Vec<Prerequisite>,
    /// Every release that was looked at.
    pub candidates: Vec<Candidate>,
    /// What the last rehearsal of the plan's first release came to; none where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<RehearsalNote>,
    /// Installed apps that a plan of core leaves behind, by the ranges they name; each is suspended
    /// with its data kept, once an admin said yes to that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<LeftBehind>,
    /// How long the app serves nobody while its first release is brought in, by that rehearsal;
    /// none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// Whether the apps of this host share an origin.
    #[serde(default)]
    pub origin: AppOrigin,
}

impl PlanView {
    /// Whether the plan wants a yes to a pause that visitors are told of.
    pub fn announces_a_pause(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.announced.is_some())
    }
}

/// What everyone should know who installs an app on a host whose apps are served below one address:
/// [`AppOrigin::Path`].
pub const SHARED_ORIGIN: &str = "Apps of this host are served below one address. Browsers take them \
for one site: what one app keeps in a visitor’s browser, the others can reach.";

/// One change with its texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// The change.
    pub change: Change,
    /// The texts beside the package; none where they could not be read.
    pub text: Option<DisplayText>,
    /// Differences of the grants, with the author's reasons as sentences.
    pub grants: Vec<GrantChange>,
    /// Space the change needs for its time: download, unpacked, snapshot.
    pub needs: ByteSize,
}

/// Texts for people, verified like any target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayText {
    /// The name people read.
    pub name: String,
    /// One sentence.
    pub summary: String,
    /// The changelog, as its author wrote it (Markdown).
    pub changelog: Option<String>,
}

/// A plan id that can no longer be carried out, and the plan that takes its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StalePlan {
    /// Why the old one cannot be carried out.
    pub why: String,
    /// What it was for.
    pub target: Target,
    /// The new plan; none where there is nothing to do any more.
    pub replacement: Option<Plan>,
}
