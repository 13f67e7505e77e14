//! What the commands print: plain lines or one JSON object, and errors in four lines. The only
//! module that writes to the terminal.

use std::io::{self, Write as _};

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

    /// Prints what went wrong, in the order state now, what failed, what was done, what to do.
    pub(super) fn failure(self, failure: &Failure) {
        let Failure { state, failed, done, advice, .. } = failure;
        let mut out = io::stderr().lock();
        let _ = match self {
            Self::Text => {
                writeln!(out, "state: {state}\nfailed: {failed}\ndone: {done}\nto do: {advice}")
            }
            Self::Json => {
                let value =
                    json!({"state": state, "failed": failed, "done": done, "to_do": advice});
                writeln!(out, "{value}")
            }
        };
    }
}
