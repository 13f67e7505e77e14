//! Times as forms send them and people read them; all in UTC, since an app knows no time zone.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970 of what `<input type="datetime-local">` sends: `2026-11-21T10:00`.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, clock) = text.trim().split_once(['T', ' '])?;
    let mut date = date.split('-');
    let (year, month, day) =
        (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let mut clock = clock.split(':');
    let (hour, minute) = (number(clock.next()?, 2)?, number(clock.next()?, 2)?);
    let second = clock.next().map_or(Some(0), |second| number(second, 2))?;
    let whole = date.next().is_none() && clock.next().is_none();
    let clock_fits = hour < 24 && minute < 60 && second < 60;
    let day = day_number(year, month, day)?;
    (whole && clock_fits).then_some(day * 86_400 + hour * 3600 + minute * 60 + second)
}

/// `21 Nov 2026, 10:00 UTC`.
pub(crate) fn shown(instant: i64) -> String {
    let (_, hour, minute) = taken_apart(instant);
    format!("{}, {hour:02}:{minute:02} UTC", day(instant))
}

/// `21 Nov 2026`.
pub(crate) fn day(instant: i64) -> String {
    let ((year, month, day), _, _) = taken_apart(instant);
    let name = usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).unwrap_or(&"");
    format!("{day} {name} {year}")
}

/// `2026-11-21T10:00`, as [`parse`] reads it.
pub(crate) fn value(instant: i64) -> String {
    let ((year, month, day), hour, minute) = taken_apart(instant);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}")
}

fn taken_apart(instant: i64) -> ((i64, i64, i64), i64, i64) {
    let of_day = instant.rem_euclid(86_400);
    (date(instant.div_euclid(86_400)), of_day / 3600, of_day / 60 % 60)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Days since 1970 of a date in the Gregorian calendar; none where there is no such date.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || year == 0 {
        return None;
    }
    // Counted from 1 March of year 0, so that the leap day is a year's last.
    let (shifted, of_year) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let years = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400;
    let days = years + (of_year * 153 + 2) / 5 + day - 1 - 719_468;
    // A day that a month does not have would come out as one of the next.
    (date(days) == (year, month, day)).then_some(days)
}

/// Year, month and day of a number of days since 1970.
fn date(days: i64) -> (i64, i64, i64) {
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
    fn a_time_reads_as_it_was_written() {
        for text in ["1970-01-01T00:00", "2000-02-29T23:59", "2026-11-21T10:00", "9999-12-31T00:01"]
        {
            assert_eq!(value(parse(text).unwrap()), text);
        }
        assert_eq!(parse("2026-11-21T10:00"), Some(1_795_255_200));
        assert_eq!(parse("2026-11-21T10:00:30"), Some(1_795_255_230));
        assert_eq!(shown(1_795_255_200), "21 Nov 2026, 10:00 UTC");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "T",
            "2026-11-21",
            "2026-02-30T10:00",
            "2026-13-01T10:00",
            "2026-11-21T24:00",
            "2026-11-21T10",
            "2026-11-21T10:00:00:00",
            "2026-11-21-1T10:00",
            "-001-01-01T00:00",
            "0000-01-01T00:00",
            "２０２６-11-21T10:00",
            "2026-11-00T10:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
