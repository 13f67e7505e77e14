//! Dates as feeds write them: RFC 822 with its later forms, RFC 3339, and what stands between.

/// Seconds since 1970 of a date; none where it is no date.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    // Longer than any date; and slicing by bytes needs plain letters.
    if text.len() > 80 || !text.is_ascii() {
        return None;
    }
    iso(text).or_else(|| mail(text))
}

/// RFC 3339, and ISO 8601 with its time or zone left out: `2026-11-21T10:00:00.5+01:00`.
fn iso(text: &str) -> Option<i64> {
    let mut date = text.get(..10).unwrap_or(text).split('-');
    let year = number(date.next()?, 4)?;
    let month = date.next().map_or(Some(1), |month| number(month, 2))?;
    let day = date.next().map_or(Some(1), |day| number(day, 2))?;
    let days = days(year, month, day)?;
    let rest = text.get(10..).unwrap_or_default().trim_start_matches(['T', 't', ' ']);
    if rest.is_empty() {
        return Some(days * 86_400);
    }
    let zone_at = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (time, zone) = rest.split_at(zone_at);
    Some(days * 86_400 + clock(time.trim())? - offset(zone)?)
}

/// RFC 822 §5 and RFC 5322 §3.3: `Sat, 21 Nov 2026 10:00:00 +0100`, with or without the weekday
/// and the seconds, with two-digit years and zones by name.
fn mail(text: &str) -> Option<i64> {
    let after = text.split_once(',').map_or(text, |(_, after)| after);
    let mut words = after.split([' ', '-', '\t']).filter(|word| !word.is_empty()).peekable();
    // A weekday without its comma.
    if words.peek().is_some_and(|word| word.bytes().all(|b| b.is_ascii_alphabetic())) {
        words.next();
    }
    let day = words.next()?.parse::<i64>().ok()?;
    let month = month(words.next()?)?;
    let year = year(words.next()?)?;
    let days = days(year, month, day)?;
    let Some(time) = words.next() else { return Some(days * 86_400) };
    // The split above takes the sign of a western zone away; it is found again in the text.
    let zone = after.rsplit([' ', '\t']).next().filter(|zone| *zone != time).unwrap_or_default();
    Some(days * 86_400 + clock(time)? - offset(zone)?)
}

fn year(word: &str) -> Option<i64> {
    let year = word.parse::<i64>().ok()?;
    // RFC 5322 §4.3.
    Some(match word.len() {
        2 if year < 50 => year + 2000,
        2 | 3 => year + 1900,
        4 => year,
        _ => return None,
    })
}

fn month(word: &str) -> Option<i64> {
    const NAMES: &str = "janfebmaraprmayjunjulaugsepoctnovdec";
    let name = word.get(..3)?.to_ascii_lowercase();
    let at = NAMES.as_bytes().chunks(3).position(|month| month == name.as_bytes())?;
    i64::try_from(at + 1).ok()
}

/// Seconds of a day: `10:00`, `10:00:59`, `10:00:59.999`.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hour = parts.next()?.parse::<i64>().ok()?;
    let minute = parts.next()?.parse::<i64>().ok()?;
    let second = parts.next().unwrap_or("0");
    let second = second.split(['.', ',']).next()?.parse::<i64>().ok()?;
    let whole = (0..=24).contains(&hour) && (0..60).contains(&minute) && (0..=60).contains(&second);
    (whole && parts.next().is_none()).then_some(hour * 3600 + minute * 60 + second)
}

/// Seconds east of Greenwich: `+0100`, `+01:00`, `Z`, `GMT`, `EST`. An unknown name means UTC
/// (RFC 5322 §4.3).
fn offset(zone: &str) -> Option<i64> {
    let hours = match zone.trim().to_ascii_uppercase().as_str() {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "CET" | "BST" => 1,
        "CEST" => 2,
        other => return numeric_offset(other),
    };
    Some(hours * 3600)
}

fn numeric_offset(zone: &str) -> Option<i64> {
    let sign = match zone.bytes().next() {
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Some(0),
    };
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let hours = digits.get(..2)?.parse::<i64>().ok()?;
    let minutes = digits.get(2..4).unwrap_or("0").parse::<i64>().ok()?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Days since 1970 of a date in the Gregorian calendar, from year 1 to 9999.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Counted from 1 March of year 0, so that the leap day is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_years = year * 365 + year / 4 - year / 100 + year / 400;
    Some(of_years + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::instant;

    const TEN: i64 = 1_795_255_200; // 2026-11-21T10:00:00Z

    #[test]
    fn dates_of_mail_are_read_in_all_their_forms() {
        for text in [
            "Sat, 21 Nov 2026 10:00:00 GMT",
            "Sat, 21 Nov 2026 11:00:00 +0100",
            "Sat, 21 Nov 2026 05:00:00 -0500",
            "Sat, 21 Nov 2026 05:00:00 EST",
            "21 Nov 2026 10:00 UT",
            "Sat 21 November 2026 10:00:00 Z",
            "Mon, 21 Nov 26 10:00:00 +0000",
            "  Sat,  21  Nov  2026  10:00:00  UTC ",
            "21-Nov-2026 10:00:00 GMT",
        ] {
            assert_eq!(instant(text), Some(TEN), "{text}");
        }
        assert_eq!(instant("Sat, 21 Nov 2026"), Some(TEN - 36_000));
    }

    #[test]
    fn dates_of_the_internet_are_read_in_all_their_forms() {
        for text in [
            "2026-11-21T10:00:00Z",
            "2026-11-21t10:00:00.123456z",
            "2026-11-21T11:00:00+01:00",
            "2026-11-21T04:30:00-05:30",
            "2026-11-21T11:00+0100",
            "2026-11-21 10:00:00",
        ] {
            assert_eq!(instant(text), Some(TEN), "{text}");
        }
        assert_eq!(instant("2026-11-21"), Some(TEN - 36_000));
        assert_eq!(instant("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(instant("2000-02-29T00:00:00Z"), Some(951_782_400));
    }

    #[test]
    fn what_is_no_date_is_none_and_never_a_panic() {
        for text in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-02-30",
            "31 Feb 2026 00:00",
            "99:99",
            "1900-02-29",
            "0000-00-00T00:00:00Z",
            "Sat, 21 Nov 99999 10:00:00 GMT",
            "2026-11-21T10:00:00+99:99",
            "Säb, 21 Nov 2026",
            "-",
            "--",
            "2026-11-21T",
            "2026-11-21T1",
            ",,,,",
            "1 Jan 1 1 1 1",
            "9223372036854775807 Jan 2026 00:00",
            "２０２６-11-21",
        ] {
            let _read = instant(text);
            for end in 0..text.len() {
                let _read = text.get(..end).and_then(instant);
            }
        }
        assert_eq!(instant("2026-02-30"), None);
        assert_eq!(instant("yesterday"), None);
        assert_eq!(instant("1900-02-29"), None);
    }
}
