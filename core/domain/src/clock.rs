//! Points in time, and the clock as a parameter.

use crate::InvalidWord;

/// A point in time to the second, UTC; written as TUF §4.2.1 has it: `2026-11-21T02:30:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The point `seconds` after 1970-01-01T00:00:00Z.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// The point `seconds` later (or earlier, where negative); stops at the ends of the range.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to `self`; negative where it is later.
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Parses the text form; a fraction or another offset is refused.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let invalid =
            || InvalidWord::new("time", text, "UTC to the second, as 2026-11-21T02:30:00Z");
        let parsed = text.parse::<jiff::Timestamp>().map_err(|_| invalid())?;
        let time = Self(parsed.as_second());
        if time.to_string() == text { Ok(time) } else { Err(invalid()) }
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => f.pad(&time.to_string()),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = InvalidWord;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Tells the time. The only way a pure crate learns it is a parameter of this type or a
/// [`Timestamp`].
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// A clock that stands still, for tests.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn the_text_form_is_exact() {
        let text = "2026-11-21T02:30:00Z";
        assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        for bad in ["2026-11-21T02:30:00.5Z", "2026-11-21T02:30:00+00:00", "2026-11-21", ""] {
            assert!(Timestamp::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
