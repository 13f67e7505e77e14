//! What the commands print: plain lines or one JSON object, and errors in four lines. The only
//! module that writes to the terminal.

use std::io::{self, Write as _};

use newleaf_domain::failure::FailureLines;
use serde_json::{Value, json};

use super::Failure;

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Output {
    /// Lines for people.
    Text,
    /// JSON for programs.
    Json,
}

impl Output {
    /// Prints a result: `text` for people, `value` for programs. A closed terminal is nobody to
    /// complain to.
    pub(super) fn done(self, text: &str, value: &Value) {
        let line = match self {
            Self::Text => text.to_owned(),
            Self::Json => value.to_string(),
        };
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }

    /// Prints what went wrong: four lines on stderr, or one JSON object on stdout, whose members
    /// are those of a host's failure.
    pub(super) fn failure(self, failure: &Failure) {
        let Failure { state, failed, done, advice: todo, code } = failure;
        let _ = match self {
            Self::Text => {
                writeln!(io::stderr().lock(), "{}", FailureLines { state, failed, done, todo })
            }
            Self::Json => {
                let value = json!({
                    "detail": failed, "exit": code, "state": state, "done": done, "todo": todo,
                });
                let mut out = io::stdout().lock();
                writeln!(out, "{value}").and_then(|()| out.flush())
            }
        };
    }
}
