//! Canonical JSON as OLPC and securesystemslib define it, and the strict reader in front of it.
//! Never normalises a string: two texts that look alike stay two texts.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deepest nesting of arrays and objects that is read; 16, twice what a role needs.
pub const MAX_DEPTH: usize = 16;

/// Why a text is not JSON that could be signed.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// Not JSON, or JSON with a duplicate member, a fraction, or too deep.
    #[error("not strict JSON: {0}")]
    Syntax(serde_json::Error),
    /// A number that is not an integer has no canonical form.
    #[error("number {number} is not an integer")]
    Fraction {
        /// The number.
        number: String,
    },
}

/// The canonical bytes of `value`: members sorted by name, no space, only `"` and `\` escaped,
/// integers only.
///
/// # Errors
/// `value` holds a number that is not an integer.
pub fn to_canonical(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut bytes = Vec::new();
    write_value(value, &mut bytes)?;
    Ok(bytes)
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out)?,
        Value::String(text) => write_text(text, out),
        Value::Array(items) => write_array(items, out)?,
        Value::Object(members) => write_object(members, out)?,
    }
    Ok(())
}

fn write_number(number: &Number, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    if !number.is_i64() && !number.is_u64() {
        return Err(CanonicalError::Fraction { number: number.to_string() });
    }
    out.extend_from_slice(number.to_string().as_bytes());
    Ok(())
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn write_array(items: &[Value], out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    out.push(b'[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_value(item, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_object(members: &Map<String, Value>, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    // UTF-8 bytes sort as code points do, which is the order the rules ask for.
    let mut sorted = members.iter().collect::<Vec<_>>();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    out.push(b'{');
    for (position, (name, value)) in sorted.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        write_value(value, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// Parses JSON that means one thing only: no fraction or exponent, no integer beyond 64 bits, no
/// member twice, at most [`MAX_DEPTH`] deep, nothing after the value.
///
/// # Errors
/// The first of these that `bytes` breaks.
pub fn parse_strict(bytes: &[u8]) -> Result<Value, CanonicalError> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut reader).map_err(CanonicalError::Syntax)?;
    reader.end().map_err(CanonicalError::Syntax)?;
    Ok(value)
}

/// Reads one value at a nesting depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions and without duplicate members")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Err(E::custom(format_args!("number {value} is not an integer of 64 bits")))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("member {name:?} is given twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn canonical(value: &Value) -> String {
        String::from_utf8(to_canonical(value).unwrap()).unwrap()
    }

    #[test]
    fn members_are_sorted_and_only_quote_and_backslash_are_escaped() {
        let value = json!({"b": [1, -2, true, null], "a": "tab\t \" \\ é", "A": {}});
        assert_eq!(
            canonical(&value),
            "{\"A\":{},\"a\":\"tab\t \\\" \\\\ é\",\"b\":[1,-2,true,null]}"
        );
    }

    #[test]
    fn texts_that_mean_two_things_are_refused() {
        for bad in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            "1.0",
            "1e3",
            "-0",
            "18446744073709551616",
            "{} {}",
            "{}x",
            "",
            "nul",
            "[1,]",
        ] {
            assert!(parse_strict(bad.as_bytes()).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse_strict(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse_strict(nested(MAX_DEPTH + 1).as_bytes()).is_err());
        assert!(parse_strict("[".repeat(1_000_000).as_bytes()).is_err());
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            "[ -~é]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[ -~]{0,8}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_value_and_prints_the_same(value in json_value()) {
            let printed = to_canonical(&value).unwrap();
            let parsed = parse_strict(&printed).unwrap();
            prop_assert_eq!(&parsed, &value);
            prop_assert_eq!(to_canonical(&parsed).unwrap(), printed);
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = parse_strict(&bytes) {
                prop_assert!(to_canonical(&value).is_ok());
            }
        }
    }
}
