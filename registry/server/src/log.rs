//! How errors look in the log: one line with the whole chain of causes.

use std::error::Error;

/// `error` and its causes, joined by colons; a cause that only repeats the text before is left out.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = cause.source();
    }
    text
}
