//! What a command says: a report when it did its work, four lines when it did not.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use newleaf_domain::failure::{FailureLines, UsageMistake};
use serde_json::{Value, json};

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// For people.
    Text,
    /// One JSON object on standard output, also for failures.
    Json,
}

/// How a command ended, as its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: done.
    Done,
    /// 1: failed.
    Failed,
    /// 2: the command line is not understood.
    Usage,
    /// 3: something that must be there first is not.
    Blocked,
    /// 4: a signature or key is not the right one.
    Untrusted,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => UsageMistake::EXIT,
            Self::Blocked => 3,
            Self::Untrusted => 4,
        }
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Report {
    /// For people; no line end at its end.
    pub(crate) text: String,
    /// For programs.
    pub(crate) json: Value,
    /// [`Exit::Done`], or [`Exit::Failed`] where the work itself was to find faults.
    pub(crate) exit: Exit,
}

/// Why a command did not do its work: four lines, each a sentence without its label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How things stand now.
    pub(crate) state: String,
    /// What failed, with the whole chain of causes.
    pub(crate) failed: String,
    /// What was done before it failed.
    pub(crate) done: String,
    /// What to do.
    pub(crate) todo: String,
    pub(crate) exit: Exit,
}

impl Failure {
    /// A failure with exit code 1 that changed nothing.
    pub(crate) fn new(failed: impl Into<String>, todo: impl Into<String>) -> Self {
        Self {
            state: "as before".to_owned(),
            failed: failed.into(),
            done: "nothing was changed".to_owned(),
            todo: todo.into(),
            exit: Exit::Failed,
        }
    }

    /// A failure of `what` because of `error` and all its causes.
    pub(crate) fn of(what: &str, error: &dyn Error, todo: impl Into<String>) -> Self {
        Self::new(format!("{what}: {}", chain(error)), todo)
    }

    /// A command line that was not understood.
    pub(crate) fn of_usage(mistake: UsageMistake) -> Self {
        Self::new(mistake.failed, mistake.todo).exit(Exit::Usage)
    }

    pub(crate) fn state(mut self, state: impl Into<String>) -> Self {
        self.state = state.into();
        self
    }

    pub(crate) fn done(mut self, done: impl Into<String>) -> Self {
        self.done = done.into();
        self
    }

    pub(crate) const fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

/// The error and its causes, one after the other.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

/// Prints `outcome` and gives its exit code: reports to standard output, failures in text to
/// standard error.
pub(crate) fn print(outcome: &Result<Report, Failure>, style: Style) -> ExitCode {
    let (exit, written) = match (outcome, style) {
        (Ok(report), Style::Text) => (report.exit, writeln!(io::stdout(), "{}", report.text)),
        (Ok(report), Style::Json) => (report.exit, writeln!(io::stdout(), "{}", report.json)),
        (Err(failure), Style::Text) => (failure.exit, write_lines(failure)),
        (Err(failure), Style::Json) => {
            (failure.exit, writeln!(io::stdout(), "{}", failure_json(failure)))
        }
    };
    match written {
        Ok(()) => ExitCode::from(exit.code()),
        // Whoever read our output went away by choice; the work is what it is.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(exit.code()),
        Err(_) => ExitCode::from(Exit::Failed.code()),
    }
}

fn write_lines(failure: &Failure) -> io::Result<()> {
    let Failure { state, failed, done, todo, exit: _ } = failure;
    writeln!(io::stderr().lock(), "{}", FailureLines { state, failed, done, todo })
}

/// The members are those of a host's failure.
fn failure_json(failure: &Failure) -> Value {
    let Failure { state, failed, done, todo, exit } = failure;
    json!({
        "detail": failed, "exit": exit.code(), "state": state, "done": done, "todo": todo,
    })
}
