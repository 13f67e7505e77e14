//! How long a poll is kept after it closed: one rule for what the pages promise and for what the
//! job deletes. Reads no clock and no data.

/// One day, in seconds.
const DAY: i64 = 86_400;

/// The days there are to choose from; 0 is for ever.
const DAYS: [i64; 5] = [0, 7, 30, 90, 365];

/// How long a poll is kept after it closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kept(i64);

impl Kept {
    /// All that can be chosen: for ever, then the shortest first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        DAYS.into_iter().map(Self)
    }

    /// Reads what [`Kept::value`] wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::all().find(|kept| kept.value() == text)
    }

    /// As a form sends it.
    pub(crate) fn value(self) -> String {
        if self.0 == 0 { "never".to_owned() } else { self.0.to_string() }
    }

    /// As a person reads it, after “deleted by itself”.
    pub(crate) fn words(self) -> String {
        if self.0 == 0 { "never".to_owned() } else { format!("{} days after it closes", self.0) }
    }

    /// The days as they are stored; 0 is for ever.
    pub(crate) const fn days(self) -> i64 {
        self.0
    }

    /// Reads what [`Kept::days`] gave. Any other number is for ever, which takes nothing away.
    pub(crate) fn stored(days: i64) -> Self {
        if DAYS.contains(&days) { Self(days) } else { Self::default() }
    }

    /// Whether it is kept until somebody deletes it.
    pub(crate) const fn is_for_ever(self) -> bool {
        self.0 == 0
    }

    /// When a poll goes that closed at `closed`, both in seconds since 1970: the first midnight
    /// (UTC) at which it was kept for its days in full, so that the day can be told.
    pub(crate) fn gone(self, closed: i64) -> Option<i64> {
        if self.is_for_ever() {
            return None;
        }
        let full = closed.saturating_add(self.0 * DAY);
        Some(full.saturating_add(full.wrapping_neg().rem_euclid(DAY)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_reads_as_it_was_written() {
        for kept in Kept::all() {
            assert_eq!(Kept::parse(&kept.value()), Some(kept));
            assert_eq!(Kept::stored(kept.days()), kept);
        }
        for other in ["", "0", "8", "-7", "07", "for ever"] {
            assert_eq!(Kept::parse(other), None, "{other}");
        }
        assert!(Kept::stored(1).is_for_ever() && Kept::stored(-7).is_for_ever());
    }

    #[test]
    fn a_poll_goes_at_the_first_midnight_after_its_days() {
        let week = Kept::stored(7);
        assert_eq!(week.gone(0), Some(7 * DAY));
        assert_eq!(week.gone(1), Some(8 * DAY));
        assert_eq!(week.gone(DAY - 1), Some(8 * DAY));
        assert_eq!(week.gone(-1), Some(7 * DAY));
        assert_eq!(Kept::default().gone(0), None);
        assert_eq!(week.gone(i64::MAX), Some(i64::MAX));
    }
}
