//! How every program says that something failed: four lines, always the same, in the same order.
//! Only words: nothing is printed here.

use std::fmt;

use crate::display;

/// A failure in four lines, each with its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureLines<'a> {
    /// How things stand now.
    pub state: &'a str,
    /// What failed, with all its causes.
    pub failed: &'a str,
    /// What was done about it.
    pub done: &'a str,
    /// What a person can do.
    pub todo: &'a str,
}

impl fmt::Display for FailureLines<'_> {
    /// Exactly four lines without a last line end, whatever the parts contain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, failed, done, todo } = self;
        writeln!(f, "state now:  {}", one_line(state))?;
        writeln!(f, "failed:     {}", one_line(failed))?;
        writeln!(f, "done:       {}", one_line(done))?;
        write!(f, "what to do: {}", one_line(todo))
    }
}

/// `text` on one line, however many it came with, and with nothing that a terminal would obey. What
/// else stands within a line stays as it is: a quoted path may have two spaces.
pub fn one_line(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    display::escaped(&lines.collect::<Vec<_>>().join(" ")).into_owned()
}

/// A command line that was not understood: what an argument parser says of it, as the lines of a
/// failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageMistake {
    /// What failed.
    pub failed: String,
    /// What to do: the form that would be understood.
    pub todo: String,
}

impl UsageMistake {
    /// How things stand: nothing was begun.
    pub const STATE: &str = "as before";
    /// What was done about it.
    pub const DONE: &str = "nothing was changed";
    /// The exit code of every program.
    pub const EXIT: u8 = 2;

    /// Reads a parser's message: what is wrong up to the line `Usage: …`, then the form.
    pub fn read(message: &str) -> Self {
        let (wrong, rest) = message.split_once("Usage:").unwrap_or((message, ""));
        let wrong = one_line(wrong);
        let wrong = match wrong.strip_prefix("error: ") {
            Some(wrong) => wrong.trim_end_matches(" For more information, try '--help'."),
            // The help itself: something is missing, and all there is to say is what could stand.
            None => "a command is missing",
        };
        let form = rest.trim_start().lines().next().unwrap_or_default().trim();
        Self {
            failed: format!("understand the command line: {wrong}"),
            todo: match form {
                "" => "add --help to see what can be typed".to_owned(),
                form => format!("type: {form}; --help says more"),
            },
        }
    }
}

/// Whether `--json` stands among `words`, a program's arguments: asked where a parser understood
/// none of them. What follows a lone `--` is no flag.
pub fn asks_for_json<W: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = W>) -> bool {
    words.into_iter().take_while(|word| word.as_ref() != "--").any(|word| word.as_ref() == "--json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_exactly_four_lines() {
        let lines = FailureLines {
            state: "core 1.0.0 serves",
            failed: "one\ntwo",
            done: "nothing\n\nat all",
            todo: "chown -R newleaf slots",
        };
        assert_eq!(
            lines.to_string(),
            "state now:  core 1.0.0 serves\nfailed:     one two\ndone:       nothing at all\n\
             what to do: chown -R newleaf slots"
        );
    }

    #[test]
    fn a_parsers_message_becomes_what_is_wrong_and_the_form() {
        let mistake = UsageMistake::read(
            "error: unexpected argument '--x' found\n\n  tip: to pass '--x', use '-- --x'\n\n\
             Usage: newleaf update [OPTIONS] [TARGET]...\n\nFor more information, try '--help'.\n",
        );
        assert_eq!(
            mistake.failed,
            "understand the command line: unexpected argument '--x' found tip: to pass '--x', \
             use '-- --x'"
        );
        assert_eq!(mistake.todo, "type: newleaf update [OPTIONS] [TARGET]...; --help says more");
    }

    #[test]
    fn a_message_without_a_form_says_where_to_find_one() {
        let mistake = UsageMistake::read(
            "error: invalid value 'x' for '[TARGET]...': a word\n\nFor more information, try '--help'.\n",
        );
        assert_eq!(
            mistake.failed,
            "understand the command line: invalid value 'x' for '[TARGET]...': a word"
        );
        assert_eq!(mistake.todo, "add --help to see what can be typed");
    }

    #[test]
    fn help_in_the_place_of_a_mistake_is_a_missing_command() {
        let mistake = UsageMistake::read("Runs it.\n\nUsage: newleaf [OPTIONS] [COMMAND]\n\nA: b");
        assert_eq!(mistake.failed, "understand the command line: a command is missing");
        assert_eq!(mistake.todo, "type: newleaf [OPTIONS] [COMMAND]; --help says more");
    }

    #[test]
    fn json_is_asked_for_before_a_lone_double_dash_only() {
        assert!(asks_for_json(["newleaf", "frobnicate", "--json"]));
        assert!(!asks_for_json(["newleaf", "--", "--json"]));
    }
}
