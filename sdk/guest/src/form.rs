//! Name-value pairs as forms and query strings write them (`application/x-www-form-urlencoded`).

/// The pairs of a form, in the order they were sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Parses `a=1&b=2`. A broken escape stands for itself; bytes that are not UTF-8 become U+FFFD.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decode(name), decode(value)))
                .collect(),
        )
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Text as it may stand in a query or a path segment.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => match escaped(after) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &after[2..];
                }
                None => bytes.push(b'%'),
            },
            other => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escaped(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.get(..2)?).ok()?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_reads_as_browsers_write_it() {
        let form = Form::parse("title=a+b&body=%C3%A4%26&empty=&flag");
        assert_eq!(form.get("title"), Some("a b"));
        assert_eq!(form.get("body"), Some("ä&"));
        assert_eq!(
            (form.get("empty"), form.get("flag"), form.get("none")),
            (Some(""), Some(""), None)
        );
    }

    #[test]
    fn broken_escapes_stand_for_themselves() {
        assert_eq!(Form::parse("a=%&b=%4&c=%zz&d=%+1").get("c"), Some("%zz"));
        assert_eq!(Form::parse("a=%").get("a"), Some("%"));
        assert_eq!(Form::parse("a=%é").get("a"), Some("%é"));
    }

    #[test]
    fn what_is_encoded_reads_the_same() {
        let text = "a b&c=d%/é?#";
        assert_eq!(Form::parse(&format!("x={}", encode(text))).get("x"), Some(text));
    }
}
