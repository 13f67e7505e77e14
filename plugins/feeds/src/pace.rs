//! When a feed is asked again: every quarter of an hour, and the longer it fails the less often.

/// Seconds between two looks at a feed that is well.
pub(crate) const REGULAR: i64 = 15 * 60;

/// The longest time a failing feed is left alone, in seconds.
pub(crate) const LONGEST: i64 = 24 * 3600;

/// Seconds until the next look, after `failures` in a row; `asked` is what the server asked for
/// (`Retry-After`, RFC 9110 §10.2.3).
pub(crate) fn pause(failures: i64, asked: Option<i64>) -> i64 {
    let doublings = u32::try_from(failures.clamp(0, 7)).unwrap_or_default();
    let pause = (REGULAR << doublings).min(LONGEST);
    asked.map_or(pause, |asked| asked.clamp(pause, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_pause_up_to_a_day() {
        let pauses: Vec<_> = (0..9).map(|failures| pause(failures, None) / 60).collect();
        assert_eq!(pauses, [15, 30, 60, 120, 240, 480, 960, 1440, 1440]);
        assert_eq!(pause(i64::MAX, None), LONGEST);
    }

    #[test]
    fn a_server_may_ask_for_a_longer_pause_but_not_for_a_shorter_or_endless_one() {
        assert_eq!(pause(0, Some(3600)), 3600);
        assert_eq!(pause(3, Some(1)), pause(3, None));
        assert_eq!(pause(0, Some(i64::MAX)), LONGEST);
        assert_eq!(pause(0, Some(-5)), REGULAR);
    }
}
