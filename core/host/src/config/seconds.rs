//! Spans of time as settings have them: a plain number of seconds.

use std::time::Duration;

/// A span of time; written as a number of seconds, a fraction allowed, 0 to one year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(Duration);

/// The longest span that is accepted.
const MOST: f64 = 366.0 * 86_400.0;

impl Seconds {
    /// A whole number of seconds.
    pub const fn new(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// As the standard library counts time.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.as_secs_f64())
    }
}

impl<'de> serde::Deserialize<'de> for Seconds {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number)
    }
}

/// A span without which nothing could be done in time: `LEAST` milliseconds or more.
pub(super) fn at_least<'de, D: serde::Deserializer<'de>, const LEAST: u64>(
    deserializer: D,
) -> Result<Seconds, D::Error> {
    let span = <Seconds as serde::Deserialize>::deserialize(deserializer)?;
    let least = Duration::from_millis(LEAST);
    if span.0 < least {
        let expected = format!("{} seconds or more", least.as_secs_f64());
        let given = serde::de::Unexpected::Float(span.0.as_secs_f64());
        return Err(serde::de::Error::invalid_value(given, &expected.as_str()));
    }
    Ok(span)
}

/// Takes whole numbers and fractions alike, since TOML tells them apart.
struct Number;

impl serde::de::Visitor<'_> for Number {
    type Value = Seconds;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number of seconds between 0 and 31622400")
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Seconds, E> {
        let seconds = u64::try_from(value)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Signed(value), &self))?;
        self.visit_u64(seconds)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Seconds, E> {
        match Duration::from_secs(value) {
            span if span.as_secs_f64() <= MOST => Ok(Seconds(span)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Seconds, E> {
        if (0.0..=MOST).contains(&value) {
            Ok(Seconds(Duration::from_secs_f64(value)))
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Seconds;

    #[derive(Debug, serde::Deserialize)]
    struct Holder {
        #[serde(rename = "wait")]
        _wait: Seconds,
    }

    #[test]
    fn a_span_outside_the_range_is_refused() {
        for bad in ["-1", "-0.5", "nan", "inf", "40000000", "\"5\""] {
            assert!(
                toml::from_str::<Holder>(&format!("wait = {bad}")).is_err(),
                "{bad} was accepted"
            );
        }
    }
}
