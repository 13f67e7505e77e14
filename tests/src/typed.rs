//! Takes the commands out of what a program printed, word by word as a shell would, so that each can
//! be tried on the program itself. The sources and guides are read by `hints`; what is printed has
//! the real folder and the real versions in it. Included by the tests of programs.

use std::path::Path;
use std::process::Command;

/// The commands of `program` in `printed`: what follows its name where a person is told to type it.
/// Prose may follow the last word.
pub(crate) fn commands(program: &str, printed: &str) -> Vec<Vec<String>> {
    let name = format!("{program} ");
    let is_told = |before: &str| {
        let ends = [": ", "then ", "or ", "; ", ", ", "`", "  ", "what to do: "];
        before.is_empty() || ends.iter().any(|end| before.ends_with(end))
    };
    let in_line = |line: &str| {
        let told = line.match_indices(&name).filter(|(at, _)| is_told(&line[..*at]));
        told.map(|(at, name)| words(&line[at + name.len()..])).collect::<Vec<_>>()
    };
    printed.lines().flat_map(in_line).filter(|words| !words.is_empty()).collect()
}

/// The words of one command, up to what ends it.
fn words(rest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = rest.trim_start();
    while !rest.is_empty() {
        let (word, after) = word(rest);
        let ends = after.starts_with([';', '`']) || word.ends_with([',', ':', '.', ')']);
        found.push(word.trim_end_matches([',', ':', '.', ')']).to_owned());
        if ends {
            break;
        }
        rest = after.trim_start();
    }
    found
}

/// The first word and what stands behind it; quotes are taken off.
fn word(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut is_quoted = false;
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\'' => is_quoted = !is_quoted,
            '\\' if !is_quoted => word.extend(characters.next().map(|(_, c)| c)),
            c if is_quoted => word.push(c),
            c if c.is_whitespace() || c == ';' || c == '`' => return (word, &text[at..]),
            c => word.push(c),
        }
    }
    (word, "")
}

/// Asserts that `program` understands the command that `words` are or begin with, on the folder
/// `dir` where it is named.
pub(crate) fn assert_understood(program: &Path, words: &[String], dir: &Path) {
    if let Some(at) = words.iter().position(|word| word == "--dir") {
        assert_eq!(words.get(at + 1).map(Path::new), Some(dir), "{words:?}");
    }
    let flags = words.iter().rposition(|word| word.starts_with('-'));
    // With the folder before it, a command is the third word at the least.
    let first = if words.first().is_some_and(|word| word == "--dir") { 3 } else { 1 };
    let shortest = flags.map_or(first, |last| first.max(last + 1));
    let is_understood = |words: &[String]| {
        let asked = Command::new(program).args(words).arg("--help").output().unwrap();
        asked.status.success()
    };
    assert!(
        (shortest..=words.len()).rev().any(|length| is_understood(&words[..length])),
        "{} does not understand {words:?}",
        program.display()
    );
}
