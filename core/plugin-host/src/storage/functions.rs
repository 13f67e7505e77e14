//! Functions of SQLite that search one value for another, as they are there but in time that grows
//! with the lengths, not with their product. SQLite's own looks at each place for the whole of what
//! it searches, all within one step of its machine: with two values of some megabytes that is hours,
//! and no limit is looked at before the step is over.

use std::borrow::Cow;
use std::collections::HashSet;

use rusqlite::{
    Connection, Error,
    functions::{Context, FunctionFlags},
    types::ValueRef,
};

/// What SQLite's own are: the same for the same arguments, harmless in a schema, with text in UTF-8.
const FLAGS: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_INNOCUOUS);

/// Puts them in the place of SQLite's; no result is longer than `longest` bytes.
pub(super) fn install(connection: &Connection, longest: usize) -> rusqlite::Result<()> {
    connection.create_scalar_function("instr", 2, FLAGS, |call| Ok(instr(call)))?;
    connection.create_scalar_function("replace", 3, FLAGS, move |call| replace(call, longest))?;
    connection.create_scalar_function("unhex", 2, FLAGS, |call| Ok(unhex(call)))?;
    connection.create_scalar_function("trim", 2, FLAGS, |call| Ok(trim(call, Ends::Both)))?;
    connection.create_scalar_function("ltrim", 2, FLAGS, |call| Ok(trim(call, Ends::Left)))?;
    connection.create_scalar_function("rtrim", 2, FLAGS, |call| Ok(trim(call, Ends::Right)))
}

/// Where `trim` takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    Both,
    Left,
    Right,
}

/// The place of the second in the first, counted from 1: in bytes where both are blobs, else in
/// characters.
fn instr(call: &Context<'_>) -> Option<i64> {
    let found = match (call.get_raw(0), call.get_raw(1)) {
        (ValueRef::Null, _) | (_, ValueRef::Null) => return None,
        // One character a byte, so that the search for text, which is linear, serves both.
        (ValueRef::Blob(hay), ValueRef::Blob(needle)) => position(&latin(hay), &latin(needle)),
        (hay, needle) => position(&text(hay), &text(needle)),
    };
    Some(found)
}

fn position(hay: &str, needle: &str) -> i64 {
    let characters = hay.find(needle).map(|at| hay[..at].chars().count() + 1);
    characters.map_or(0, |place| i64::try_from(place).unwrap_or(i64::MAX))
}

fn replace(call: &Context<'_>, longest: usize) -> rusqlite::Result<Option<String>> {
    let Some([whole, old, new]) = texts(call) else { return Ok(None) };
    if old.is_empty() {
        return Ok(Some(whole.into_owned()));
    }
    let times = whole.matches(&*old).count();
    let rest = whole.len() - times * old.len();
    let length = times.checked_mul(new.len()).and_then(|added| added.checked_add(rest));
    match length.filter(|length| *length <= longest) {
        Some(_) => Ok(Some(whole.replace(&*old, &new))),
        None => Err(too_big()),
    }
}

/// The bytes that hexadecimal digits stand for, between which characters of the second argument may
/// stand; nothing where others do.
fn unhex(call: &Context<'_>) -> Option<Vec<u8>> {
    let [digits, between] = texts(call)?;
    let between: HashSet<char> = between.chars().collect();
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let mut characters = digits.chars();
    while let Some(first) = characters.next() {
        let Some(high) = first.to_digit(16) else {
            if between.contains(&first) {
                continue;
            }
            return None;
        };
        let low = characters.next()?.to_digit(16)?;
        bytes.extend(u8::try_from(high * 16 + low));
    }
    Some(bytes)
}

fn trim(call: &Context<'_>, ends: Ends) -> Option<String> {
    let [whole, taken] = texts(call)?;
    let taken: HashSet<char> = taken.chars().collect();
    let is_taken = |character: char| taken.contains(&character);
    let rest = match ends {
        Ends::Both => whole.trim_matches(is_taken),
        Ends::Left => whole.trim_start_matches(is_taken),
        Ends::Right => whole.trim_end_matches(is_taken),
    };
    Some(rest.to_owned())
}

/// The arguments as text; none where one of them is NULL, which makes the result NULL.
fn texts<'a, const N: usize>(call: &'a Context<'_>) -> Option<[Cow<'a, str>; N]> {
    let values = std::array::from_fn(|argument| call.get_raw(argument));
    let is_null = values.iter().any(|value| matches!(value, ValueRef::Null));
    (!is_null).then(|| values.map(text))
}

/// A value as SQLite would write it. What is no UTF-8 is read as far as it goes.
fn text(value: ValueRef<'_>) -> Cow<'_, str> {
    match value {
        ValueRef::Null => Cow::Borrowed(""),
        ValueRef::Integer(number) => Cow::Owned(number.to_string()),
        ValueRef::Real(number) => Cow::Owned(real(number)),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes),
    }
}

/// A number with its point, and at least two digits in the exponent: `1.5`, `1.0e+20`.
fn real(number: f64) -> String {
    let shown = format!("{number:?}");
    let Some((digits, exponent)) = shown.split_once('e') else { return shown };
    let digits = if digits.contains('.') { digits.to_owned() } else { format!("{digits}.0") };
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn too_big() -> Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_TOOBIG);
    Error::SqliteFailure(code, None)
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Value;

    use super::*;

    const CALLS: [&str; 31] = [
        "instr('banana', 'nan')",
        "instr('banana', 'x')",
        "instr('banana', '')",
        "instr('', '')",
        "instr('', 'a')",
        "instr('äöü', 'ü')",
        "instr(x'00ff00', x'ff')",
        "instr(x'c3a4', x'a4')",
        "instr('ä', x'c3a4')",
        "instr(NULL, 'a')",
        "instr('a', NULL)",
        "instr(12345, 34)",
        "instr(1.5, '.')",
        "instr(1e20, 'e+20')",
        "replace('banana', 'an', 'AN')",
        "replace('banana', '', 'x')",
        "replace('banana', 'a', '')",
        "replace('banana', NULL, 'x')",
        "replace(NULL, 'a', 'x')",
        "replace(121, 1, 'x')",
        "unhex('00 ff', ' ')",
        "unhex('0 0ff', ' ')",
        "unhex('ab-cd-', '-')",
        "unhex('abc', '-')",
        "unhex('xy', '')",
        "unhex(NULL, '')",
        "trim('xxabcxx', 'x')",
        "ltrim('äbäc', 'bä')",
        "rtrim('abc', '')",
        "trim(1001, 1)",
        "trim(NULL, 'x')",
    ];

    fn ask(connection: &Connection, call: &str) -> Value {
        connection.query_row(&format!("SELECT {call}"), [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn they_give_what_sqlites_own_give() {
        let (own, ours) =
            (Connection::open_in_memory().unwrap(), Connection::open_in_memory().unwrap());
        install(&ours, 1_000).unwrap();
        for call in CALLS {
            assert_eq!(ask(&ours, call), ask(&own, call), "{call}");
        }
    }

    #[test]
    fn a_result_that_is_too_long_is_refused_before_it_is_made() {
        let connection = Connection::open_in_memory().unwrap();
        install(&connection, 1_000).unwrap();
        let long = "SELECT replace(hex(zeroblob(400)), '0', hex(zeroblob(400)))";
        let refused = connection.query_row(long, [], |_| Ok(())).unwrap_err();
        assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::TooBig), "{refused}");
    }

    #[test]
    fn they_can_stand_in_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        install(&connection, 1_000).unwrap();
        connection
            .execute_batch("CREATE TABLE t (x); CREATE INDEX i ON t (instr(x, 'a'))")
            .unwrap();
    }
}
