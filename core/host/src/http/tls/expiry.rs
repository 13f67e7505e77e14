//! Until when a certificate is good: the one field of it that is told to people. Judges no
//! certificate; clients do.

use newleaf_domain::Timestamp;

/// DER tags (X.690 §8) that lie on the way.
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// `notAfter` of a DER certificate (RFC 5280 §4.1.2.5); none where the bytes are no certificate.
pub(super) fn not_after(certificate: &[u8]) -> Option<Timestamp> {
    let (certificate, _) = expect(SEQUENCE, certificate)?;
    let (mut rest, _) = expect(SEQUENCE, certificate)?;
    if rest.first() == Some(&VERSION) {
        rest = expect(VERSION, rest)?.1;
    }
    // Serial number, signature's algorithm, issuer.
    for tag in [INTEGER, SEQUENCE, SEQUENCE] {
        rest = expect(tag, rest)?.1;
    }
    let (validity, _) = expect(SEQUENCE, rest)?;
    let (_, _, rest) = element(validity)?;
    let (tag, until, _) = element(rest)?;
    time(tag, std::str::from_utf8(until).ok()?)
}

/// The content of the element at the beginning, and what stands behind it.
fn expect(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

/// Tag, content, and what stands behind (X.690 §8.1, definite lengths only).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ`, which counts from 1950 on, or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, text: &str) -> Option<Timestamp> {
    let full = match tag {
        GENERALIZED_TIME => text.to_owned(),
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        _ => return None,
    };
    let part = |from: usize, to: usize| full.get(from..to);
    let (date, clock) =
        ([part(0, 4)?, part(4, 6)?, part(6, 8)?], [part(8, 10)?, part(10, 12)?, part(12, 14)?]);
    let rest = full.get(14..)?;
    let told = (rest == "Z").then(|| format!("{}T{}Z", date.join("-"), clock.join(":")))?;
    Timestamp::parse(&told).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_time_are_read() {
        let told = |tag, text| time(tag, text).map(|time| time.to_string());
        assert_eq!(told(UTC_TIME, "261121023000Z").as_deref(), Some("2026-11-21T02:30:00Z"));
        assert_eq!(told(UTC_TIME, "991121023000Z").as_deref(), Some("1999-11-21T02:30:00Z"));
        let far = told(GENERALIZED_TIME, "21261121023000Z");
        assert_eq!(far.as_deref(), Some("2126-11-21T02:30:00Z"));
        for bad in ["", "2611210230Z", "261321023000Z", "261121023000+0100", "é61121023000Z"] {
            assert_eq!(told(UTC_TIME, bad), None, "{bad}");
        }
    }

    #[test]
    fn whatever_is_no_certificate_has_no_time() {
        for bytes in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x30\x02\x30"]
        {
            assert_eq!(not_after(bytes), None);
        }
    }
}
