//! What an admin says yes to, and how far that yes reaches. Decides nothing.

use newleaf_domain::PlanId;

/// An admin's yes to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The plan.
    pub plan: PlanId,
    /// Whether the yes covers wider grants.
    pub consent: Consent,
    /// Whether the yes covers that apps which the new core leaves behind are suspended.
    pub suspend: Consent,
    /// How far it reaches beside that.
    pub leeway: Leeway,
    /// Who says so: an account's name, or `cli:<user>`.
    pub by: String,
}

impl Approval {
    /// A yes to `plan`, with what is said on wider grants, and none to suspended apps.
    pub const fn new(plan: PlanId, consent: Consent, by: String) -> Self {
        let leeway = Leeway::of_person(Consent::NotGiven);
        Self { plan, consent, suspend: Consent::NotGiven, leeway, by }
    }

    /// The same, with what is said on apps that the new core leaves behind.
    #[must_use]
    pub const fn suspending(mut self, suspend: Consent) -> Self {
        self.suspend = suspend;
        self
    }

    /// The same, with how far it reaches where a rehearsal shows what the plan could not know.
    #[must_use]
    pub const fn with_leeway(mut self, leeway: Leeway) -> Self {
        self.leeway = leeway;
        self
    }
}

/// How far a yes to a plan reaches where a rehearsal shows what the plan could not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Leeway {
    /// Whether it covers a pause that an app's visitors are told of.
    pub pause: Consent,
    /// Whether it covers going on where this machine cannot rehearse an app.
    pub unrehearsed: Consent,
}

impl Leeway {
    /// What a person says, with their word on a pause: they know best when their machine is full.
    pub const fn of_person(pause: Consent) -> Self {
        Self { pause, unrehearsed: Consent::Given }
    }

    /// What a host may do by itself.
    pub const fn of_host() -> Self {
        Self { pause: Consent::NotGiven, unrehearsed: Consent::NotGiven }
    }
}

impl Default for Leeway {
    fn default() -> Self {
        Self::of_person(Consent::NotGiven)
    }
}

/// Whether an admin said yes to something that wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// They did.
    Given,
    /// They did not, or were not asked.
    NotGiven,
}

/// What becomes of a removed app's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppData {
    /// It stays in its folder.
    Keep,
    /// It is set aside until its date, then removed for good.
    Erase,
}
