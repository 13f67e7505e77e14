//! Finds every command that the sources and guides tell people to type, so that the program that
//! is named can be asked whether it would understand it; `typed` does so with what is printed. Included by the tests of each program.

use std::path::Path;

use clap::error::ErrorKind;

/// Where people are told what to type.
const PLACES: [&str; 6] = ["core", "web", "registry", "sdk", "tests/src", "README.md"];

/// What may stand for a placeholder, such as `{target}`, `<folder>` or `8d0e…`.
const STAND_INS: [&str; 7] = [
    "core",
    "beta",
    "acme/notes",
    "acme",
    "1.0.0",
    "127.0.0.1:8080",
    "0000000000000000000000000000000000000000000000000000000000000000",
];

/// Asserts that `parse` understands every command of `program` that is told anywhere, and that
/// there are at least `fewest` of them.
pub(crate) fn all_can_be_typed(
    program: &str,
    fewest: usize,
    parse: &dyn Fn(&[&str]) -> Result<(), ErrorKind>,
) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut count = 0;
    let mut paths = PLACES.map(|place| root.join(place)).to_vec();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap();
            paths.extend(entries.map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "md") {
            let text = std::fs::read_to_string(&path).unwrap();
            for words in text.lines().flat_map(|line| told(line, program)) {
                assert!(fits(program, &words, parse), "{}: {program} {words:?}", path.display());
                count += 1;
            }
        }
    }
    assert!(count >= fewest, "only {count} commands were found");
}

/// The commands of `program` in a line: what follows its name where a string, a code span, a
/// prompt or a colon comes before it, up to the end of that.
pub(crate) fn told<'a>(line: &'a str, program: &str) -> Vec<Vec<&'a str>> {
    let name = format!("{program} ");
    let begins = |before: &str| {
        before.ends_with(['`', '"']) && !before.ends_with("b\"")
            || [": ", "$ ", "<code>", "then ", "or "].iter().any(|end| before.ends_with(end))
    };
    line.match_indices(&name)
        .filter(|(at, _)| begins(&line[..*at]))
        .map(|(at, name)| words(&line[at + name.len()..]))
        .filter(|words| words.first().is_some_and(|word| !word.contains(['{', '[', '(', '…'])))
        .collect()
}

fn words(rest: &str) -> Vec<&str> {
    let rest = rest.split(['`', '"', ',', ';', '|', '#', '\\', ')']).next().unwrap_or("");
    let rest = rest.split("</code>").next().unwrap_or("").split(". ").next().unwrap_or("");
    rest.split_whitespace().map(|word| word.trim_end_matches([':', '.'])).collect()
}

/// Whether `words` are a command, or begin with one and go on in prose, which has no flags.
pub(crate) fn fits(
    program: &str,
    words: &[&str],
    parse: &dyn Fn(&[&str]) -> Result<(), ErrorKind>,
) -> bool {
    let flags = words.iter().rposition(|word| word.starts_with('-'));
    let shortest = flags.map_or(1, |last| last + 1);
    (shortest..=words.len()).rev().any(|length| {
        let placeholders = words[..length].iter().filter(|word| is_placeholder(word)).count();
        let understood = |mut choice: usize| {
            let filled = words[..length].iter().map(|word| {
                if !is_placeholder(word) {
                    return word.trim_matches('\'');
                }
                let stand_in = STAND_INS[choice % STAND_INS.len()];
                choice /= STAND_INS.len();
                stand_in
            });
            let line = std::iter::once(program).chain(filled).collect::<Vec<_>>();
            match parse(&line) {
                Ok(()) => true,
                Err(
                    ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
                ) => length == words.len(),
                Err(
                    ErrorKind::MissingRequiredArgument
                    | ErrorKind::DisplayHelp
                    | ErrorKind::DisplayVersion,
                ) => true,
                Err(_) => false,
            }
        };
        (0..STAND_INS.len().pow(u32::try_from(placeholders).unwrap_or(0))).any(understood)
    })
}

fn is_placeholder(word: &str) -> bool {
    word.contains(['{', '<', '…'])
}
