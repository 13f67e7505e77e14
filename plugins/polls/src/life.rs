//! When a poll is open, and when it goes: what the pages show is what the job goes by. Reads no
//! clock and no data.

use crate::kept::Kept;

/// The times of a poll, in seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Life {
    /// When it closes by itself.
    pub(crate) closes: Option<i64>,
    /// Whether it was closed by hand.
    pub(crate) shut: bool,
    /// When that was; where it was before this was noted, when the data came to this schema.
    pub(crate) shut_at: Option<i64>,
    /// How long it stays after it closed.
    pub(crate) kept: Kept,
}

impl Life {
    /// Whether the poll takes votes at `now`.
    pub(crate) fn is_open(&self, now: i64) -> bool {
        !self.shut && self.closes.is_none_or(|closes| now < closes)
    }

    /// When the poll is deleted by itself, as far as that is known.
    pub(crate) fn gone(&self) -> Option<i64> {
        let closed = if self.shut { self.shut_at } else { self.closes };
        self.kept.gone(closed?)
    }

    /// Whether the poll is to be deleted at `now`.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        self.gone().is_some_and(|gone| gone <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: i64 = 7 * 86_400;

    #[test]
    fn a_poll_goes_when_its_days_after_closing_are_over() {
        let life = Life { closes: Some(86_400), kept: Kept::stored(7), ..Life::default() };
        assert_eq!(life.gone(), Some(86_400 + WEEK));
        assert!(!life.is_due(WEEK) && !life.is_due(86_399 + WEEK) && life.is_due(86_400 + WEEK));
        // Closed by hand before its time, the days go on from there.
        let shut = Life { shut: true, shut_at: Some(1), ..life };
        assert_eq!(shut.gone(), Some(86_400 + WEEK));
        assert_eq!(Life { shut_at: Some(0), ..shut }.gone(), Some(WEEK));
    }

    #[test]
    fn a_poll_that_is_open_or_kept_for_ever_does_not_go() {
        let open = Life { kept: Kept::stored(7), ..Life::default() };
        let for_ever = Life { closes: Some(1), ..Life::default() };
        for life in [open, for_ever, Life { shut: true, ..open }] {
            assert!(life.gone().is_none() && !life.is_due(i64::MAX), "{life:?}");
        }
    }
}
