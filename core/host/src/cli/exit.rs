//! The exit codes, the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// What was asked for is done; warnings and "nothing to do" are this too.
    #[default]
    Done = 0,
    /// It failed, and nothing was changed or what was changed is undone.
    Failed = 1,
    /// The command line is not understood.
    Usage = 2,
    /// A prerequisite does not hold, or a yes is missing.
    Blocked = 3,
    /// Signatures, digests or signers do not hold.
    Trust = 4,
    /// It failed after something had changed, and the version before serves again.
    RolledBack = 5,
    /// Another update runs.
    Busy = 6,
}

impl Exit {
    /// The code of a number; a number that is none of ours counts as failed.
    pub(crate) const fn of(code: u8) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::Usage,
            3 => Self::Blocked,
            4 => Self::Trust,
            5 => Self::RolledBack,
            6 => Self::Busy,
            _ => Self::Failed,
        }
    }

    /// The exit of several targets: rolled back where any was, else failed where any failed.
    /// Where every failure is of one kind, that kind says more and is kept.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Done, exit) | (exit, Self::Done) => exit,
            (Self::RolledBack, _) | (_, Self::RolledBack) => Self::RolledBack,
            (one, two) if one == two => one,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn of_several_targets_a_roll_back_is_told_first() {
        assert_eq!(Exit::Done.and(Exit::Done), Exit::Done);
        assert_eq!(Exit::Done.and(Exit::Blocked), Exit::Blocked);
        assert_eq!(Exit::Blocked.and(Exit::Trust), Exit::Failed);
        assert_eq!(Exit::Failed.and(Exit::RolledBack), Exit::RolledBack);
    }

    #[test]
    fn codes_are_what_the_guide_says() {
        for code in 0..=6 {
            assert_eq!(Exit::of(code) as u8, code);
        }
        assert_eq!(Exit::of(77), Exit::Failed);
    }
}
