//! The names of an app's jobs.

use crate::{InvalidWord, text_word};

/// The name of work that an app does at regular times: 1 to 32 of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobName(String);

/// The job of a schedule that names none.
const MAIN: &str = "main";

impl JobName {
    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWord::new("job", text, "1 to 32 of a-z, 0-9 and -"))
        }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the job of a schedule that names none.
    pub fn is_main(&self) -> bool {
        self.0 == MAIN
    }
}

impl Default for JobName {
    /// `main`.
    fn default() -> Self {
        Self(MAIN.to_owned())
    }
}
text_word!(JobName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_named_in_lower_case_and_briefly() {
        assert!(JobName::parse("fetch-2").is_ok());
        for odd in ["", "Fetch", "fetch it", "fetch/../x", &"x".repeat(33)] {
            assert!(JobName::parse(odd).is_err(), "{odd}");
        }
    }
}
