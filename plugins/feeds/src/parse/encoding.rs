//! From a document's bytes to its text: byte order mark, then the content type's charset, then
//! the XML declaration, then UTF-8 (RFC 7303 §3).

use super::ParseError;

/// windows-1252, 0x80 to 0x9F (WHATWG Encoding §9.1); its other bytes are Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The text of `bytes`. What is no letter in its encoding becomes U+FFFD.
pub(super) fn decode(bytes: &[u8], content_type: Option<&str>) -> Result<String, ParseError> {
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return Ok(String::from_utf8_lossy(rest).into_owned());
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return Ok(utf_16(rest, u16::from_le_bytes));
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return Ok(utf_16(rest, u16::from_be_bytes));
    }
    let label = content_type.and_then(charset).or_else(|| declared(bytes)).unwrap_or_default();
    match label.as_str() {
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" => {
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
        // The WHATWG Encoding Standard reads Latin-1 as windows-1252, as all browsers do.
        "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "l1"
        | "windows-1252" | "cp1252" | "x-cp1252" => Ok(bytes.iter().map(|b| western(*b)).collect()),
        "iso-8859-15" | "iso8859-15" | "latin9" | "latin-9" => {
            Ok(bytes.iter().map(|b| western_with_euro(*b)).collect())
        }
        "utf-16le" => Ok(utf_16(bytes, u16::from_le_bytes)),
        "utf-16be" => Ok(utf_16(bytes, u16::from_be_bytes)),
        _ => Err(ParseError::Encoding(label)),
    }
}

/// `charset` of a content type, in lower case.
fn charset(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1);
    let found =
        parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset").then(|| label(value))
        });
    found.filter(|label| !label.is_empty())
}

/// `encoding` of an XML declaration, in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).into_owned();
    let declaration = start.trim_start().strip_prefix("<?xml")?.split("?>").next()?.to_owned();
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = value[1..].split(quote).next()?;
    let label = label(value);
    // It was just read as a sequence of bytes, so it cannot be one of two-byte units.
    (!label.is_empty() && !label.starts_with("utf-16")).then_some(label)
}

fn label(text: &str) -> String {
    let plain = text.trim().trim_matches(['"', '\'']);
    plain.chars().take(40).collect::<String>().to_ascii_lowercase()
}

fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn western(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

/// ISO-8859-15 differs from Latin-1 in eight letters.
fn western_with_euro(byte: u8) -> char {
    match byte {
        0xa4 => '€',
        0xa6 => 'Š',
        0xa8 => 'š',
        0xb4 => 'Ž',
        0xb8 => 'ž',
        0xbc => 'Œ',
        0xbd => 'œ',
        0xbe => 'Ÿ',
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_order_mark_wins_over_the_content_type_and_that_over_the_declaration() {
        assert_eq!(decode(b"\xef\xbb\xbf\xc3\xa4", Some("x; charset=iso-8859-1")).unwrap(), "ä");
        assert_eq!(decode(b"\xff\xfea\0\xe4\0", None).unwrap(), "aä");
        assert_eq!(decode(b"\xfe\xff\0a", None).unwrap(), "a");
        let latin = b"<?xml version='1.0' encoding='utf-8'?>\xe4";
        let as_latin = decode(latin, Some("text/xml; charset=\"ISO-8859-1\"")).unwrap();
        assert!(as_latin.ends_with('ä'));
        assert!(decode(latin, Some("text/xml")).unwrap().ends_with('\u{fffd}'));
    }

    #[test]
    fn the_declaration_names_western_encodings() {
        for (name, byte, letter) in [
            ("ISO-8859-1", 0xe9, 'é'),
            ("iso-8859-1", 0x93, '“'),
            ("windows-1252", 0x80, '€'),
            ("ISO-8859-15", 0xa4, '€'),
        ] {
            let mut bytes = format!("<?xml version=\"1.0\" encoding = \"{name}\" ?>").into_bytes();
            bytes.push(byte);
            assert!(decode(&bytes, None).unwrap().ends_with(letter), "{name}");
        }
    }

    #[test]
    fn an_encoding_that_is_not_known_is_named() {
        let asked = b"<?xml version='1.0' encoding='EUC-KR'?><rss/>";
        assert_eq!(decode(asked, None), Err(ParseError::Encoding("euc-kr".to_owned())));
    }

    #[test]
    fn no_bytes_at_all_make_it_panic() {
        for length in 0..64_u8 {
            let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(37) ^ 0xff).collect();
            let _read = decode(&bytes, Some("a; charset="));
            let _read = decode(&[b"<?xml encoding=".as_slice(), &bytes].concat(), None);
        }
    }
}
