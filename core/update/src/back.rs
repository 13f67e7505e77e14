//! What going back to the version before means, and what a yes to it covers: what was shown, or
//! whatever is lost. Changes nothing.

use newleaf_domain::{Digest, Target, Version};
use newleaf_launcher::state::{AppState, CoreSlot};

use crate::view::UndoOffer;
use crate::{Consent, StartError, Updater};

/// An admin's yes to going back to the version before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackYes {
    /// Whether it covers that data is lost.
    pub consent: Consent,
    /// The [`UndoOffer::mark`] of what was shown; none where nothing was.
    pub shown: Option<Digest>,
}

impl BackYes {
    /// To going back whatever is lost by it.
    pub const WHATEVER: Self = Self { consent: Consent::Given, shown: None };

    /// To going back where nothing is lost by it.
    pub const WHERE_NOTHING_IS_LOST: Self = Self { consent: Consent::NotGiven, shown: None };

    /// To what was shown, and to nothing else.
    pub const fn to(shown: Digest) -> Self {
        Self { consent: Consent::Given, shown: Some(shown) }
    }

    /// Why it does not cover what going back is now.
    pub(crate) fn refusal(&self, target: &Target, offer: &UndoOffer) -> Option<StartError> {
        let (target, version) = (target.clone(), offer.version.clone());
        if self.shown.is_some() && self.shown != offer.mark {
            return Some(StartError::UndoMoved { target, version });
        }
        let loses = offer.loses.clone().filter(|_| self.consent == Consent::NotGiven)?;
        Some(StartError::WouldLose { target, version, loses })
    }
}

impl Updater {
    /// What going back from what serves now would do; none where there is nothing to go back to.
    pub(crate) fn undo_offer(&self, target: &Target) -> Option<UndoOffer> {
        let state = self.state();
        match target {
            Target::Core => {
                let core = &state.core;
                core.previous.as_ref().map(|before| of_core(&core.good, before))
            }
            Target::App(app) => {
                let writes = self.ports().plugins.serving(app).and_then(|serving| serving.writes);
                of_app(state.apps.get(app)?, writes)
            }
        }
    }
}

/// What going back to the core before means by itself: the program alone changes.
pub(crate) fn of_core(good: &CoreSlot, before: &CoreSlot) -> UndoOffer {
    let (from, to) = ((&good.version, &good.digest), (&before.version, &before.digest));
    UndoOffer {
        version: before.version.clone(),
        loses: None,
        mark: Some(mark(from, to, None)),
        until: None,
        grants: Vec::new(),
        left_behind: Vec::new(),
    }
}

/// What *Undo* of an app would lose: nothing where the version before reads the data as it is.
/// `writes` are those since the switch, where they were counted.
pub(crate) fn of_app(app: &AppState, writes: Option<u64>) -> Option<UndoOffer> {
    let (good, before) = app.good.as_ref().zip(app.previous.as_ref())?;
    let copy = match (before.reads_data_of(good), &good.snapshot) {
        (true, _) => None,
        (false, Some(copy)) => Some(copy.as_str()),
        (false, None) => return None,
    };
    let (from, to) = ((&good.version, &good.digest), (&before.version, &before.digest));
    let loses = |_| {
        let counted = match writes {
            None | Some(0) => String::new(),
            Some(1) => " (1 change)".to_owned(),
            Some(many) => format!(" ({many} changes)"),
        };
        format!("everything written since the update to {}{counted}", good.version)
    };
    Some(UndoOffer {
        version: before.version.clone(),
        loses: copy.map(loses),
        mark: Some(mark(from, to, copy)),
        until: None,
        grants: before.grants.changes_from(&good.grants),
        left_behind: Vec::new(),
    })
}

/// Stands for the slots that are left and gone back to, and for the copy that would be put in place
/// of the data. How much was written since is not part of it, or nobody could say yes while people
/// write.
fn mark(from: (&Version, &Digest), to: (&Version, &Digest), copy: Option<&str>) -> Digest {
    let data = copy.map_or_else(|| "stays".to_owned(), |copy| format!("from {copy}"));
    Digest::of(format!("{} {}\n{} {}\n{data}", from.0, from.1, to.0, to.1).as_bytes())
}
