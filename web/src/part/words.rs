//! The portal's words for things: one place, so that a thing has one name on every page.

use newleaf_domain::Version;
use newleaf_domain::version::Step;
use newleaf_update::journal::{Ending, Undoable};
use newleaf_update::state::Way;
use newleaf_update::view::Severity;

/// How a page colours something. Colour never tells anything that words do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Neither good nor bad.
    Plain,
    /// New, or under way.
    Fresh,
    /// To be read.
    Warn,
    /// Failed.
    Bad,
}

impl Tone {
    /// The class that the stylesheet knows.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Fresh => "fresh",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Info => Self::Plain,
            Severity::Warning => Self::Warn,
            Severity::Error => Self::Bad,
        }
    }
}

/// `1.0.0 → 2.0.0`, or `2.0.0` at a first install.
pub(crate) fn hop(from: Option<&Version>, to: &Version) -> String {
    from.map_or_else(|| to.to_string(), |from| format!("{from} → {to}"))
}

/// What the distance between two versions is called.
pub(crate) const fn step_word(step: Step) -> &'static str {
    match step {
        Step::Patch => "patch",
        Step::Minor => "minor",
        Step::Major => "major",
    }
}

/// What can still be said while a step runs.
pub(crate) const fn undoable_word(undoable: Undoable) -> &'static str {
    match undoable {
        Undoable::NothingChanged => "nothing has changed yet",
        Undoable::CanBeUndone => "can be undone",
    }
}

/// An ending in a word or two.
pub(crate) const fn ending_word(ending: Ending, way: Way) -> &'static str {
    match (ending, way) {
        (Ending::Committed, Way::Forward) => "Done",
        (Ending::Committed, Way::Back) => "Went back",
        (Ending::Failed, _) => "Failed, nothing changed",
        (Ending::Undone, _) => "Stopped, nothing changed",
        (Ending::RolledBack, _) => "Failed, rolled back",
        (Ending::Deferred, _) => "Waits for the next start",
    }
}

/// How an ending is coloured.
pub(crate) const fn ending_tone(ending: Ending) -> Tone {
    match ending {
        Ending::Committed => Tone::Good,
        Ending::Failed | Ending::RolledBack => Tone::Bad,
        Ending::Undone => Tone::Warn,
        Ending::Deferred => Tone::Fresh,
    }
}

/// The state after an ending, in one sentence.
pub(crate) fn state_after(
    name: &str,
    from: Option<&Version>,
    to: &Version,
    ending: Ending,
    way: Way,
) -> String {
    let before = from.map_or_else(
        || format!("{name} is not installed"),
        |from| format!("{name} {from} goes on serving"),
    );
    match (ending, way) {
        (Ending::Committed, Way::Forward) => format!("{name} {to} is running."),
        (Ending::Committed, Way::Back) => format!("{name} is back on {to}."),
        (Ending::Failed | Ending::Undone, _) => format!("Nothing has changed: {before}."),
        (Ending::RolledBack, _) => from.map_or_else(
            || format!("Everything was taken back: {before}."),
            |from| format!("{name} {from} serves again."),
        ),
        (Ending::Deferred, _) => {
            format!("{name} {to} is ready and takes effect at the next start.")
        }
    }
}

/// A fragment as a sentence: begins with a capital, unless with a name or a path, and ends.
pub(crate) fn sentence(fragment: &str) -> String {
    let fragment = fragment.trim();
    let first = fragment.split_whitespace().next().unwrap_or_default();
    let is_name = first == "newleaf" || first.contains(['/', '.', ':', '_']);
    let mut text = String::with_capacity(fragment.len() + 1);
    let mut letters = fragment.chars();
    match letters.next() {
        Some(letter) if !is_name => text.extend(letter.to_uppercase()),
        Some(letter) => text.push(letter),
        None => {}
    }
    text.push_str(letters.as_str());
    if !text.is_empty() && !text.ends_with(['.', '!', '?', ':', '…']) {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn fragments_become_sentences() {
        assert_eq!(sentence("nothing was changed"), "Nothing was changed.");
        assert_eq!(sentence("acme/notes 2.0.0 exits"), "acme/notes 2.0.0 exits.");
        assert_eq!(sentence("newleaf status lists it."), "newleaf status lists it.");
        assert_eq!(sentence(""), "");
    }
}
