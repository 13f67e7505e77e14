//! What makes a poll: read from a form, and refused with a sentence for the person who wrote it.

use newleaf_sdk::Form;

use crate::{kept::Kept, time};

/// The longest question, in characters.
pub(crate) const MAX_QUESTION: usize = 200;

/// The longest explanation, in characters.
pub(crate) const MAX_NOTE: usize = 2000;

/// The longest choice, in characters.
pub(crate) const MAX_CHOICE: usize = 120;

/// The fewest and the most choices.
pub(crate) const CHOICES: std::ops::RangeInclusive<usize> = 2..=20;

/// How many choices a vote may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One.
    #[default]
    Single,
    /// One or several.
    Multiple,
}

/// Who sees the results while the poll is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Results {
    /// All.
    #[default]
    Always,
    /// Those who have voted.
    Voted,
    /// Nobody but who has the secret link.
    Closed,
}

impl Kind {
    /// As it is stored and sent.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Multiple => "multiple",
        }
    }

    /// Reads what [`Kind::as_str`] wrote; anything else means one choice.
    pub(crate) fn parse(text: &str) -> Self {
        if text == "multiple" { Self::Multiple } else { Self::Single }
    }
}

impl Results {
    /// As it is stored and sent.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Voted => "voted",
            Self::Closed => "closed",
        }
    }

    /// Reads what [`Results::as_str`] wrote; anything else means the narrowest.
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "always" => Self::Always,
            "voted" => Self::Voted,
            _ => Self::Closed,
        }
    }
}

/// A poll as it was written into the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) question: String,
    pub(crate) note: String,
    pub(crate) choices: Vec<String>,
    pub(crate) kind: Kind,
    pub(crate) results: Results,
    /// When it closes by itself, as it was typed.
    pub(crate) closes: String,
    /// How long it stays after it closed, as it was sent.
    pub(crate) kept: String,
}

/// When a poll closes and goes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms {
    /// When it closes, in seconds since 1970.
    pub(crate) closes: Option<i64>,
    /// How long it stays then.
    pub(crate) kept: Kept,
}

impl Draft {
    /// Reads the form.
    pub(crate) fn read(form: &Form) -> Self {
        let field = |name| form.get(name).unwrap_or_default();
        let choices = field("choices").lines().map(one_line).filter(|line| !line.is_empty());
        Self {
            question: one_line(field("question")),
            note: field("note").replace("\r\n", "\n").trim().to_owned(),
            choices: choices.take(1 + CHOICES.end()).collect(),
            kind: Kind::parse(field("kind")),
            results: form.get("results").map_or(Results::Always, Results::parse),
            closes: field("closes").trim().chars().take(40).collect(),
            // A form from before the update has none.
            kept: form.get("kept").unwrap_or("never").chars().take(40).collect(),
        }
    }

    /// When it closes and goes by itself; or what is wrong with the poll.
    pub(crate) fn check(&self, now: i64) -> Result<Terms, String> {
        if self.question.is_empty() {
            return Err("Please ask a question.".to_owned());
        }
        if self.question.chars().count() > MAX_QUESTION {
            return Err(format!(
                "The question is too long; it may have {MAX_QUESTION} characters."
            ));
        }
        if self.note.chars().count() > MAX_NOTE {
            return Err(format!("The explanation is too long; it may have {MAX_NOTE} characters."));
        }
        self.check_choices()?;
        Ok(Terms { closes: closing(&self.closes, now)?, kept: keeping(&self.kept)? })
    }

    fn check_choices(&self) -> Result<(), String> {
        let (fewest, most) = (CHOICES.start(), CHOICES.end());
        if !CHOICES.contains(&self.choices.len()) {
            return Err(format!(
                "Please give {fewest} to {most} choices, each on a line of its own."
            ));
        }
        if let Some(long) = self.choices.iter().find(|c| c.chars().count() > MAX_CHOICE) {
            let start: String = long.chars().take(30).collect();
            return Err(format!(
                "The choice “{start}…” is too long; it may have {MAX_CHOICE} characters."
            ));
        }
        for (at, choice) in self.choices.iter().enumerate() {
            let lower = choice.to_lowercase();
            if self.choices[..at].iter().any(|other| other.to_lowercase() == lower) {
                return Err(format!("The choice “{choice}” is there twice."));
            }
        }
        Ok(())
    }
}

/// A closing time as it was typed: nothing for none, else a time to come.
pub(crate) fn closing(typed: &str, now: i64) -> Result<Option<i64>, String> {
    if typed.is_empty() {
        return Ok(None);
    }
    match time::parse(typed) {
        None => Err("The closing time is not one; leave it empty for none.".to_owned()),
        Some(closes) if closes <= now => Err("The closing time has passed already.".to_owned()),
        Some(closes) => Ok(Some(closes)),
    }
}

/// How long to keep a poll, as it was sent.
pub(crate) fn keeping(sent: &str) -> Result<Kept, String> {
    let days: Vec<_> = Kept::all().map(Kept::value).collect();
    let why = || format!("Please choose how long the poll is kept: {}.", days.join(", "));
    Kept::parse(sent).ok_or_else(why)
}

/// Words without line breaks, other control characters and marks that turn the direction of what
/// follows.
fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain: String = text.chars().filter(|c| !turns(*c)).collect();
    plain
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(form: &str) -> Draft {
        Draft::read(&Form::parse(form))
    }

    #[test]
    fn a_form_is_a_poll() {
        let draft = draft(
            "question=+Where%3F&choices=Here%0D%0A%0D%0A++There+&kind=multiple&results=voted&closes=2026-11-21T10:00&kept=30",
        );
        assert_eq!(
            (draft.question.as_str(), draft.kind, draft.results),
            ("Where?", Kind::Multiple, Results::Voted)
        );
        assert_eq!(draft.choices, ["Here", "There"]);
        let terms = Terms { closes: Some(1_795_255_200), kept: Kept::stored(30) };
        assert_eq!(draft.check(0), Ok(terms));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (form, word) in [
            ("choices=a%0Ab", "question"),
            ("question=q&choices=a", "2 to 20"),
            ("question=q&choices=a%0AA", "twice"),
            ("question=q&choices=a%0Ab&closes=tomorrow", "not one"),
            ("question=q&choices=a%0Ab&closes=1999-01-01T00:00", "passed"),
            ("question=q&choices=a%0Ab&kept=8", "how long"),
            ("question=q&choices=a%0Ab&kept=", "how long"),
        ] {
            let why = draft(form).check(1_795_255_200).unwrap_err();
            assert!(why.contains(word), "{form}: {why}");
        }
        let many: Vec<_> = (0..30).map(|n| n.to_string()).collect();
        assert!(draft(&format!("question=q&choices={}", many.join("%0A"))).check(0).is_err());
        assert!(draft(&format!("question={}&choices=a%0Ab", "x".repeat(201))).check(0).is_err());
        assert!(draft(&format!("question=q&choices=a%0A{}", "x".repeat(121))).check(0).is_err());
        assert!(
            draft(&format!("question=q&note={}&choices=a%0Ab", "x".repeat(2001))).check(0).is_err()
        );
    }

    #[test]
    fn a_question_is_one_line_that_turns_nothing_around() {
        assert_eq!(draft("question=a%0Ab%00c%E2%80%AEd").question, "a b cd");
    }
}
