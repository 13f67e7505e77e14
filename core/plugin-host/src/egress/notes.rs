//! Says in the log what was refused, once a minute for each host and reason: an app that asks for
//! the same thing without end must not fill the disk.

use std::{
    collections::BTreeMap,
    mem::discriminant,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::refusal::{Doing, Refusal};

/// How long the same line is not said again.
const QUIET: Duration = Duration::from_mins(1);

/// Kinds of lines that are kept apart; an app that makes up more of them is cut short.
const KINDS: usize = 64;

/// The longest host that is said.
const NAME: usize = 120;

/// What was said of one app.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<BTreeMap<String, Said>>);

#[derive(Debug)]
struct Said {
    at: Instant,
    unsaid: u64,
}

impl Notes {
    /// Says that a request of `app` to `name` came to nothing.
    pub(crate) fn refused(&self, app: &str, name: &str, refusal: &Refusal) {
        let Some(unsaid) = self.turn(name, refusal, Instant::now()) else { return };
        let to: String = name.chars().take(NAME).collect();
        let hint = refusal.hint();
        match refusal.doing() {
            Doing::Ours => {
                tracing::warn!(app, to, hint, unsaid, "an outbound request was refused: {refusal}");
            }
            Doing::Theirs => {
                tracing::warn!(app, to, hint, unsaid, "an outbound request failed: {refusal}");
            }
        }
    }

    /// How many lines of this kind were not said, if it is time for one.
    fn turn(&self, name: &str, refusal: &Refusal, now: Instant) -> Option<u64> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name: String = name.chars().take(NAME).collect();
        let mut kind = format!("{:?} {name}", discriminant(refusal));
        if said.len() >= KINDS && !said.contains_key(&kind) {
            said.retain(|_, said| now.duration_since(said.at) < QUIET);
            if said.len() >= KINDS {
                // All hosts it makes up from here are one.
                kind.clear();
            }
        }
        let Some(before) = said.get_mut(&kind) else {
            said.insert(kind, Said { at: now, unsaid: 0 });
            return Some(0);
        };
        if now.duration_since(before.at) < QUIET {
            before.unsaid += 1;
            return None;
        }
        before.at = now;
        Some(std::mem::take(&mut before.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_once_a_minute_and_then_with_what_was_left_out() {
        let (notes, began) = (Notes::default(), Instant::now());
        let turn = |name, after| notes.turn(name, &Refusal::NotGranted, began + after);
        assert_eq!(turn("a", Duration::ZERO), Some(0));
        assert_eq!(turn("a", Duration::from_secs(1)), None);
        assert_eq!(turn("b", Duration::from_secs(1)), Some(0));
        assert_eq!(notes.turn("a", &Refusal::NotAUrl, began), Some(0));
        assert_eq!(turn("a", Duration::from_secs(61)), Some(1));
    }

    #[test]
    fn an_app_that_makes_up_hosts_does_not_fill_the_log() {
        let (notes, now) = (Notes::default(), Instant::now());
        let said = (0..10_000)
            .filter(|number| notes.turn(&number.to_string(), &Refusal::NotGranted, now).is_some())
            .count();
        assert_eq!(said, KINDS + 1);
    }
}
