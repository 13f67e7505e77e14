//! Identifiers of plans and updates.

use crate::{Digest, InvalidWord, Timestamp, text_word};

/// A plan's identity: the SHA-256 of its canonical form, as 64 lowercase hex digits. Two plans
/// with one id are the same plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanId(String);

impl PlanId {
    /// The id of the plan whose canonical form has this digest.
    pub fn of(canonical: Digest) -> Self {
        Self(canonical.to_string())
    }

    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        match Digest::parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(InvalidWord::new("plan id", text, "64 lowercase hex digits")),
        }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}
text_word!(PlanId);

/// One run of a plan: `<seconds since 1970>-<first 8 digits of the plan id>-<journal seq>`.
///
/// Sorted as text, the updates of one host stand in the order they were begun until the year 2286.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpdateId(String);

impl UpdateId {
    /// The id of the run of `plan` that begins at `now`, at journal sequence number `seq`.
    pub fn new(now: Timestamp, plan: &PlanId, seq: u64) -> Self {
        Self(format!("{}-{}-{seq}", now.unix(), &plan.0[..8]))
    }

    /// Parses the text form.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let fits = (3..=64).contains(&text.len())
            && text.split('-').count() == 3
            && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidWord::new("update id", text, "<seconds>-<plan>-<seq>"))
        }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_word!(UpdateId);
