//! Times as people read them.

use std::fmt::Write as _;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `<time>` for an instant in seconds since 1970: how long ago it was, or its date.
pub(super) fn element(out: &mut String, instant: i64, now: i64) {
    let (year, month, day) = date(instant.div_euclid(86_400));
    let of_day = instant.rem_euclid(86_400);
    let (hour, minute) = (of_day / 3600, of_day / 60 % 60);
    let name = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"");
    let shown = ago(now - instant).unwrap_or_else(|| format!("{day} {name} {year}"));
    // Writing to a String never fails.
    let _ = write!(
        out,
        r#"<time datetime="{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}Z" title="{day} {name} {year}, {hour:02}:{minute:02} UTC">{shown}</time>"#
    );
}

/// A short time in words; none where a date says more.
pub(super) fn ago(seconds: i64) -> Option<String> {
    match seconds {
        ..0 => None,
        0..90 => Some("just now".to_owned()),
        90..5400 => Some(format!("{} min ago", (seconds + 30) / 60)),
        5400..86_400 => Some(format!("{} h ago", (seconds + 1800) / 3600)),
        _ => None,
    }
}

/// A time to come in words.
pub(super) fn hence(seconds: i64) -> String {
    match seconds {
        ..60 => "within a minute".to_owned(),
        60..5400 => format!("in {} min", (seconds + 30) / 60),
        _ => format!("in {} h", (seconds + 1800) / 3600),
    }
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar.
fn date(days: i64) -> (i64, i64, i64) {
    // Counted from 1 March of year 0, so that the leap day is a year's last.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(-1), (1969, 12, 31));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_778), (2026, 11, 21));
    }

    #[test]
    fn a_time_says_how_long_ago_it_was_or_its_date() {
        let shown = |instant, now| {
            let mut out = String::new();
            element(&mut out, instant, now);
            out
        };
        assert!(shown(1_000_000, 1_000_030).contains(">just now<"));
        assert!(shown(1_000_000, 1_000_600).contains(">10 min ago<"));
        assert!(shown(1_000_000, 1_010_000).contains(">3 h ago<"));
        assert!(shown(1_000_000, 9_000_000).contains(">12 Jan 1970<"));
        assert!(shown(i64::from(i32::MIN), 0).contains("1901"));
        assert_eq!(hence(1800), "in 30 min");
    }
}
