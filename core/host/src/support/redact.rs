//! Takes out of a text what may be a secret: passwords in addresses, what stands behind a word
//! such as `token`, link secrets, and all that an admin told an app. Rather too much than too little.

use toml::{Table, Value};

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// Words behind which a secret stands, in the names of keys, headers and query parameters.
const WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api_key",
    "authorization",
    "cookie",
    "credential",
];

/// Names of authentication schemes, behind which credentials stand (RFC 9110 §11.4).
const SCHEMES: [&str; 2] = ["bearer ", "basic "];

/// The sections of an address whose last part is a secret.
const LINKS: [&str; 1] = ["/sign-in/"];

/// `text`, line for line, without secrets.
pub(crate) fn redacted(text: &str) -> String {
    let mut safe = text.split('\n').map(line).collect::<Vec<_>>().join("\n");
    for link in LINKS {
        safe = after_each(&safe, link, |rest| rest.find(|c: char| !c.is_ascii_hexdigit()));
    }
    safe
}

fn line(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let named = WORDS.iter().flat_map(|word| lower.match_indices(word)).filter_map(|(at, word)| {
        let at = at + word.len();
        let rest = text.get(at..)?;
        let name = rest.find(|c: char| !(c.is_alphanumeric() || "_-\"'".contains(c)))?;
        let end = rest.get(name..)?;
        let (is_apart, behind) = (end.starts_with(char::is_whitespace), end.trim_start());
        (behind.starts_with(['=', ':']) || (is_apart && is_random(behind))).then_some(at + name)
    });
    let schemes = SCHEMES.iter().flat_map(|scheme| lower.match_indices(scheme));
    let shown = schemes.map(|(at, scheme)| at + scheme.len() - 1);
    // Whatever follows the first of them on its line goes: values have too many forms to parse.
    let text = match named.chain(shown).min() {
        Some(at) => {
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            format!("{} {HIDDEN}", text[..end].trim_end())
        }
        None => text.to_owned(),
    };
    addresses(&text)
}

/// Whether the first word looks as nobody would write it: letters and digits mixed, or very long.
fn is_random(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    let has = |what: fn(&char) -> bool| word.chars().any(|c| what(&c));
    word.len() > 24 || (has(char::is_ascii_digit) && has(char::is_ascii_alphabetic))
}

/// `scheme://name:password@host?query` as `scheme://(hidden)@host?(hidden)`.
fn addresses(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        safe.push_str(before);
        let word = after.find(char::is_whitespace).unwrap_or(after.len());
        // A password may hold what ends the host of a sound address, quotes and commas too.
        let host = after[..word].rfind('@').map_or(0, |at| at + 1);
        let ends = |c: char| c.is_whitespace() || "\"'<>`,".contains(c);
        let end = after[host..].find(ends).map_or(after.len(), |at| host + at);
        let (address, behind) = after.split_at(end);
        if host > 0 {
            safe.push_str(HIDDEN);
            safe.push('@');
        }
        match address[host..].split_once('?') {
            Some((path, _)) => {
                safe.push_str(path);
                safe.push('?');
                safe.push_str(HIDDEN);
            }
            None => safe.push_str(&address[host..]),
        }
        rest = behind;
    }
    safe + rest
}

fn after_each(text: &str, mark: &str, ends: impl Fn(&str) -> Option<usize>) -> String {
    let mut pieces = text.split(mark);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |safe, rest| {
        let end = ends(rest).unwrap_or(rest.len());
        format!("{safe}{mark}{HIDDEN}{}", &rest[end..])
    })
}

/// `newleaf.toml` without secrets and comments; where it cannot be read, the names of its keys.
pub(super) fn settings(text: &str) -> String {
    match text.parse::<Table>() {
        Ok(table) => {
            let mut lines = String::new();
            print(&Value::Table(table), "", Apps::Above, &mut lines);
            lines
        }
        Err(error) => {
            let names = text.lines().filter_map(|line| Some(line.split_once('=')?.0.trim()));
            let plain = |name: &&str| !name.is_empty() && !name.contains(['#', '"', '\'']);
            let names = names.filter(plain).collect::<Vec<_>>().join(", ");
            format!("# not TOML: {}\n# keys: {names}\n", redacted(error.message()))
        }
    }
}

/// Where a table stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apps {
    /// Outside of what belongs to one app.
    Above,
    /// It is `[apps]`.
    Here,
    /// It is one app's: an author's words, whose meaning nobody knows here.
    Below,
}

/// Each setting as a line of its own, under its full name.
fn print(value: &Value, name: &str, apps: Apps, out: &mut String) {
    if let Value::Table(table) = value {
        for (key, value) in table {
            let below = match (apps, key.as_str()) {
                (Apps::Above, "apps") => Apps::Here,
                (Apps::Above, _) => Apps::Above,
                (Apps::Here, _) if value.is_table() => Apps::Below,
                (Apps::Here, _) => Apps::Here,
                (Apps::Below, _) => Apps::Below,
            };
            let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
            print(value, &name, below, out);
        }
        return;
    }
    let lower = name.to_ascii_lowercase();
    let hidden = apps == Apps::Below || WORDS.iter().any(|word| lower.contains(word));
    let text = if hidden { HIDDEN.to_owned() } else { shown(value) };
    out.extend([name, " = ", &text, "\n"]);
}

/// A setting that may be an address, with or without a scheme, sound or not.
fn address(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, host)) => {
            let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
            let scheme = if scheme.contains('@') { "" } else { scheme };
            let mark = if scheme.is_empty() { "" } else { "://" };
            addresses(&format!("{scheme}{mark}{HIDDEN}@{host}"))
        }
        None => addresses(text),
    }
}

/// A value as text; a table in a list is nothing that the host knows.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{:?}", address(text)),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(word) => word.to_string(),
        Value::Datetime(moment) => moment.to_string(),
        Value::Array(values) => {
            format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Table(_) => HIDDEN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_of_lines_and_the_rest_stays() {
        for (text, safe) in [
            (
                "proxy http://ada:pw1@proxy.example.com:3128 said 407",
                "proxy http://(hidden)@proxy.example.com:3128 said 407",
            ),
            (
                "GET https://a.example.com/x?sig=pw2 failed",
                "GET https://a.example.com/x?(hidden) failed",
            ),
            ("use http://ada:pw6/1@127.0.0.1:3128", "use http://(hidden)@127.0.0.1:3128"),
            ("authorization: Bearer pw3 pw4", "authorization: (hidden)"),
            (r#"{"api_token":"pw5"}"#, r#"{"api_token": (hidden)"#),
            (
                "open http://127.0.0.1:8081/sign-in/00ff now",
                "open http://127.0.0.1:8081/sign-in/(hidden) now",
            ),
            (
                "invalid token for user ada, token=pw9",
                "invalid token for user ada, token= (hidden)",
            ),
            (
                r#"{"error":"invalid token","token":"pw10"}"#,
                r#"{"error":"invalid token","token": (hidden)"#,
            ),
            ("by http://ada:pw11,x'pw12@proxy.example.com", "by http://(hidden)@proxy.example.com"),
            ("header Bearer pw13", "header Bearer (hidden)"),
            ("the token pw14 is old", "the token (hidden)"),
            ("the token\u{3000}pw15 is old", "the token (hidden)"),
            ("a token of 3 words is no key", "a token of 3 words is no key"),
            ("1.0.0 exited with status 1 after 30 ms", "1.0.0 exited with status 1 after 30 ms"),
        ] {
            assert_eq!(redacted(text), safe);
        }
    }

    #[test]
    fn settings_lose_what_apps_were_told_and_passwords_even_where_they_are_no_toml() {
        let text = "[repository]\nurl = \"https://u:pw1@updates.example.com\"\n\
                    # proxy = \"http://a:pw2@b\"\nmirrors = [\"https://m:pw3@c.example.com\"]\n\
                    [apps]\nprobation = 5\n[apps.\"acme/notes\".config]\ntitle = \"pw4\"\nkeys = [\"pw5\"]\n";
        let safe = settings(text);
        assert!(safe.contains("updates.example.com"), "{safe}");
        assert!(safe.contains("apps.probation = 5\n"), "{safe}");
        assert!(safe.contains("apps.acme/notes.config.title = (hidden)\n"), "{safe}");
        for proxy in ["ada:pw7@proxy.example.com", "http://ada:pw8/1@proxy.example.com"] {
            let safe = settings(&format!("[repository]\nproxy = \"{proxy}\"\n"));
            assert!(safe.contains("(hidden)@proxy.example.com") && !safe.contains("pw"), "{safe}");
        }
        let torn = settings(&format!("{text}[open\nlast = \"pw6\""));
        assert!(torn.contains("url, mirrors") || torn.contains("url"), "{torn}");
        for text in [safe, torn] {
            assert!(!text.contains("pw"), "{text}");
        }
    }
}
