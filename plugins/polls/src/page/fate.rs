//! What becomes of a poll after it closed, in words, and the choice of it.

use std::fmt::Write as _;

use crate::{kept::Kept, poll::Poll, time};

/// The sentence about a poll that is deleted by itself; nothing for one that stays.
pub(super) fn fate(poll: &Poll, now: i64) -> String {
    let sentence = match poll.life.gone() {
        None if poll.life.kept.is_for_ever() => return String::new(),
        None => format!(
            "The poll is deleted by itself {}, with all its votes; the day is told when it has closed.",
            poll.life.kept.words()
        ),
        Some(gone) if poll.life.is_due(now) => format!(
            "The poll’s time was over on {} (UTC); it is deleted within the hour, with all its votes.",
            time::day(gone)
        ),
        Some(gone) => on(gone),
    };
    format!(r#"<p class="faint">{sentence}</p>"#)
}

/// The sentence for a poll of which it is known when it goes.
pub(super) fn on(gone: i64) -> String {
    format!("The poll is deleted by itself on {} (UTC), with all its votes.", time::day(gone))
}

/// The field in which it is chosen how long a poll stays.
pub(super) fn choice(chosen: Option<Kept>) -> String {
    let mut field = String::from(r#"<select id="kept" name="kept">"#);
    for kept in Kept::all() {
        let selected = if chosen == Some(kept) { " selected" } else { "" };
        // Writing to a String never fails.
        let _ = write!(
            field,
            r#"<option value="{}"{selected}>{}</option>"#,
            kept.value(),
            kept.words()
        );
    }
    field.push_str("</select>");
    field
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::Life;

    /// 21 Nov 2026, 10:00.
    const NOW: i64 = 1_795_255_200;

    #[test]
    fn a_poll_says_when_it_goes_as_far_as_that_is_known() {
        let week = Kept::stored(7);
        let poll = |kept, closes| {
            let life = Life { closes, kept, ..Life::default() };
            Poll { life, ..Poll::default() }
        };
        assert_eq!(fate(&poll(Kept::default(), Some(NOW)), NOW), "");
        let said = fate(&poll(week, None), NOW);
        assert!(said.contains("deleted by itself 7 days after it closes"), "{said}");
        let said = fate(&poll(week, Some(NOW)), NOW);
        assert!(said.contains("deleted by itself on 29 Nov 2026 (UTC)"), "{said}");
        let late = fate(&poll(week, Some(NOW)), NOW + 30 * 86_400);
        assert!(late.contains("within the hour"), "{late}");
    }

    #[test]
    fn the_choice_shows_what_was_chosen() {
        let field = choice(Some(Kept::stored(90)));
        assert!(
            field.contains(r#"<option value="90" selected>90 days after it closes"#),
            "{field}"
        );
        assert_eq!(field.matches(" selected").count(), 1);
        assert_eq!(choice(None).matches("<option").count(), 5);
    }
}
