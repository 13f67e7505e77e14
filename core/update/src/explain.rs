//! Failures as people and scripts get them: four lines and an exit code.

/// What kind of failure it is; the number is the exit code of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitClass {
    /// Failed; nothing changed.
    Failed = 1,
    /// What was named is not there: as good as a word that is not understood.
    Usage = 2,
    /// A prerequisite does not hold, or a yes is missing.
    Blocked = 3,
    /// Refused because something is not signed as it must be.
    Trust = 4,
    /// Failed, and the version before serves again.
    RolledBack = 5,
    /// Another update runs.
    Busy = 6,
}

impl ExitClass {
    /// The exit code.
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// A failure in four lines.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FourLines {
    /// The state now: what runs, and that it is unharmed.
    pub state: String,
    /// What failed, with both values.
    pub failed: String,
    /// What was done about it.
    pub done: String,
    /// What to do, with the command where there is one.
    pub todo: String,
}

/// An error that can be told in four lines.
pub trait Explain: std::error::Error {
    /// Its kind.
    fn class(&self) -> ExitClass;

    /// What was done about it.
    fn done(&self) -> String {
        "nothing was changed".to_owned()
    }

    /// What to do.
    fn todo(&self) -> String;
}

/// What to do where an app was named that is not here.
pub const CHECK_THE_NAME: &str = "check the name: newleaf apps list names what is installed";

/// The message of `error` with those of its sources, each once: `a: b: c`.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let next = inner.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = inner.source();
    }
    text
}
