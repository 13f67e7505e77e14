//! Points in time and spans of it, as people read them.

use jiff::fmt::strtime;
use maud::{Markup, html};
use newleaf_domain::Timestamp;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `21 Nov 2026, 02:30 UTC`, machine-readable beside it.
pub(crate) fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (formatted("%-d %b %Y, %H:%M UTC", at)) } }
}

/// `21 Nov 2026`.
pub(crate) fn day(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (formatted("%-d %b %Y", at)) } }
}

/// `02:30:07`, for the log.
pub(crate) fn clock_time(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (formatted("%H:%M:%S", at)) } }
}

fn formatted(form: &str, at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.unix())
        .ok()
        .map(|time| time.to_zoned(jiff::tz::TimeZone::UTC))
        .and_then(|zoned| strtime::format(form, &zoned).ok())
        .unwrap_or_else(|| at.to_string())
}

/// `9 minutes ago`, or `in 5 days`; its exact moment is the tooltip.
pub(crate) fn relative(at: Timestamp, now: Timestamp) -> Markup {
    let seconds = at.seconds_since(now);
    let text = match seconds {
        ..-9 => format!("{} ago", span(-seconds)),
        -9..10 => "just now".to_owned(),
        10.. => format!("in {}", span(seconds)),
    };
    html! { time datetime=(at) title=(formatted("%-d %b %Y, %H:%M UTC", at)) { (text) } }
}

/// The largest unit that fits, rounded down: `3 hours`, `1 day`.
pub(crate) fn span(seconds: i64) -> String {
    let (count, unit) = match seconds {
        DAY.. => (seconds / DAY, "day"),
        HOUR.. => (seconds / HOUR, "hour"),
        MINUTE.. => (seconds / MINUTE, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// How long something took, short: `4 s`, `2 min 5 s`.
pub(crate) fn took(seconds: i64) -> String {
    match seconds {
        HOUR.. => format!("{} h {} min", seconds / HOUR, seconds % HOUR / MINUTE),
        MINUTE.. => format!("{} min {} s", seconds / MINUTE, seconds % MINUTE),
        1.. => format!("{seconds} s"),
        _ => "under 1 s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_people_write_them() {
        let at = Timestamp::parse("2026-11-01T02:30:07Z").unwrap();
        let shown = moment(at).into_string();
        assert!(shown.contains("1 Nov 2026, 02:30 UTC"), "{shown}");
        assert!(shown.contains(r#"datetime="2026-11-01T02:30:07Z""#), "{shown}");
    }

    #[test]
    fn spans_take_their_largest_unit() {
        let shown = [1, 59, 60, 7200, DAY, 9 * DAY + 5].map(span);
        assert_eq!(shown, ["1 second", "59 seconds", "1 minute", "2 hours", "1 day", "9 days"]);
    }

    #[test]
    fn past_and_future_are_told_apart() {
        let now = Timestamp::from_unix(1_800_000_000);
        let text = |seconds| relative(now.plus_seconds(seconds), now).into_string();
        assert!(text(-600).contains("10 minutes ago"));
        assert!(text(5 * DAY).contains("in 5 days"));
        assert!(text(-2).contains("just now"));
    }
}
