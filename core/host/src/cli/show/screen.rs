//! The two streams of a command, in the form that was asked for.

use std::borrow::Cow;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::OnceLock;

use newleaf_domain::display;
use newleaf_domain::failure::FailureLines;
use newleaf_domain::shell;
use serde::Serialize;

use super::width;
use crate::program::{named, named_on};
use crate::route::Problem;

/// The form of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text for people.
    Text,
    /// JSON on stdout, for programs.
    Json,
}

/// Writes what a command has to say. A reader that went away ends nothing: what is done is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    form: Form,
    program: &'static str,
}

impl Screen {
    /// A screen of this form, on which commands are those of `program`.
    pub(crate) const fn new(form: Form, program: &'static str) -> Self {
        Self { form, program }
    }

    /// Whether a person watches stdout, so that lines may be redrawn.
    pub(crate) fn is_live(self) -> bool {
        self.form == Form::Text && io::stdout().is_terminal() && io::stderr().is_terminal()
    }

    /// Prints text on stdout; nothing where JSON was asked for.
    pub(crate) fn say(self, text: &str) {
        if self.form == Form::Text {
            out(&self.typed(text));
        }
    }

    /// `text` with its commands as they can be typed here, in the width that there is.
    fn typed(self, text: &str) -> Cow<'_, str> {
        let text = named_on(self.program, FOLDER.get().map(String::as_str), text);
        match width::narrow() {
            Some(columns) => Cow::Owned(width::wrapped(&text, columns)),
            None => text,
        }
    }

    /// Prints `text` to people, or `value` as one line of JSON.
    pub(crate) fn show<T: Serialize>(self, text: impl FnOnce() -> String, value: &T) {
        match self.form {
            Form::Text => out(&self.typed(&text())),
            Form::Json => self.line(value),
        }
    }

    /// Prints one line of JSON, where JSON was asked for.
    pub(crate) fn line<T: Serialize>(self, value: &T) {
        if self.form == Form::Json {
            match serde_json::to_string(value) {
                Ok(json) => out(&display::escaped_json(&named(self.program, &json))),
                Err(error) => err(&format!("cannot write JSON: {error}")),
            }
        }
    }

    /// Prints a failure: four lines on stderr, or the problem document on stdout.
    pub(crate) fn problem(self, problem: &Problem) {
        match self.form {
            Form::Text => err(&self.typed(&four_lines(problem))),
            Form::Json => self.line(problem),
        }
    }

    /// Asks a person; no answer is no. Nobody is asked where no terminal is.
    pub(crate) fn asks(self, question: &str) -> bool {
        if self.form == Form::Json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return false;
        }
        let mut stderr = io::stderr().lock();
        let question = display::escaped(question);
        let asked = write!(stderr, "{question} [yes/no] ").and_then(|()| stderr.flush());
        let mut answer = String::new();
        asked.is_ok()
            && io::stdin().lock().read_line(&mut answer).is_ok()
            && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }
}

/// A failure as people read it: state now, what failed, what was done, what to do.
pub(crate) fn four_lines(problem: &Problem) -> String {
    let Problem { state, detail, done, todo, .. } = problem;
    FailureLines { state, failed: detail, done, todo }.to_string()
}

/// The host's folder, as it must be typed in each command that is shown; not set where the
/// environment names it already.
static FOLDER: OnceLock<String> = OnceLock::new();

/// From now on each command that is shown names `dir`, unless the environment does.
pub(crate) fn commands_name(dir: &Path) {
    let named = std::env::var_os("NEWLEAF_DIR").and_then(|it| std::path::absolute(it).ok());
    if named.as_deref() != Some(dir) {
        // Set once: one command works on one folder.
        drop(FOLDER.set(shell::word(dir)));
    }
}

/// The first error of standard output; what was printed after it may be lost too.
static REFUSED: OnceLock<io::Error> = OnceLock::new();

/// Why standard output did not take all that was printed, where that is so. A closed pipe is the
/// reader's choice and not an error of ours.
pub(crate) fn refused() -> Option<&'static io::Error> {
    REFUSED.get()
}

fn out(text: &str) {
    note(print(&mut io::stdout().lock(), shown(text).as_bytes()));
}

/// Text as a terminal is given it: what authors wrote in it is seen, and never obeyed.
fn shown(text: &str) -> String {
    format!("{}\n", display::escaped(text.trim_end()))
}

/// Prints bytes on stdout as they are.
pub(crate) fn raw(bytes: &[u8]) {
    note(print(&mut io::stdout().lock(), bytes));
}

/// Keeps an error of standard output for the end of the command.
pub(crate) fn note(printed: io::Result<()>) {
    if let Err(error) = printed
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // Only the first says why.
        drop(REFUSED.set(error));
    }
}

fn print(to: &mut impl io::Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes).and_then(|()| to.flush())
}

fn err(text: &str) {
    let _closed = io::stderr().lock().write_all(shown(text).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Kind;

    #[test]
    fn what_an_author_wrote_cannot_move_the_cursor_or_turn_the_line() {
        assert_eq!(
            shown("asks to store\u{1b}[1A\u{1b}[2K\r and\u{202e} more\nnext line\n"),
            "asks to store\\u{1b}[1A\\u{1b}[2K\\u{d} and\\u{202e} more\nnext line\n"
        );
    }

    #[test]
    fn a_failure_is_exactly_four_lines() {
        let problem = Problem::new(Kind::Blocked, "/srv/newleaf/slots is not writable\nby uid 998")
            .state("core 1.0.0 serves")
            .todo("sudo chown -R newleaf /srv/newleaf/slots");
        insta::assert_snapshot!(four_lines(&problem), @r"
        state now:  core 1.0.0 serves
        failed:     /srv/newleaf/slots is not writable by uid 998
        done:       nothing was changed
        what to do: sudo chown -R newleaf /srv/newleaf/slots
        ");
    }
}
