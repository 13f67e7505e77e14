//! How much may be written to the host's log by one app, or about it. Bounds lines, not meaning:
//! an app that floods is hushed, and the log says so once.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use newleaf_domain::PackageName;

/// Whose lines are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// Those an app writes itself.
    App,
    /// Those the host writes about what it was denied, which an app can bring about at will.
    Denied,
    /// Those the host writes about what failed. Counted apart, so that an app can hide the reason
    /// behind neither of the others.
    Failed,
}

/// The lines of one app.
#[derive(Debug)]
pub(crate) struct Voice {
    /// Lines that may come at once.
    burst: f64,
    /// Lines a second that may come for ever.
    steady: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: f64,
    looked: Instant,
    /// Lines left out since it was hushed; none while it is not.
    hushed: Option<u64>,
}

/// Tells of what befell one app, as often as its voice lets it.
#[derive(Debug)]
pub(crate) struct Told {
    app: PackageName,
    failed: Voice,
    denied: Voice,
}

impl Told {
    /// Of `app`.
    pub(crate) fn of(app: &PackageName) -> Arc<Self> {
        let (failed, denied) = (Voice::new(Of::Failed), Voice::new(Of::Denied));
        Arc::new(Self { app: app.clone(), failed, denied })
    }

    /// The app's name where a line about a failure may be written now; one call a line.
    pub(crate) fn line(&self) -> Option<&PackageName> {
        self.failed.may_speak(&self.app).then_some(&self.app)
    }

    /// The same of a line about what was denied.
    pub(crate) fn denial(&self) -> Option<&PackageName> {
        self.denied.may_speak(&self.app).then_some(&self.app)
    }
}

/// What becomes of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Written,
    /// The first one after this many were left out.
    WrittenAfter(u64),
    LeftOut,
    /// The first one.
    Hushed,
}

impl Voice {
    /// A voice that has said nothing yet.
    pub(crate) fn new(of: Of) -> Self {
        let (burst, steady) = match of {
            Of::App => (200.0, 20.0),
            Of::Denied | Of::Failed => (200.0, 10.0),
        };
        let state = State { left: burst, looked: Instant::now(), hushed: None };
        Self { burst, steady, state: Mutex::new(state) }
    }

    /// Whether one more line may be written; says so in the log where that changes.
    pub(crate) fn may_speak(&self, app: &PackageName) -> bool {
        match self.judge(Instant::now()) {
            Verdict::Written => true,
            Verdict::WrittenAfter(left_out) => {
                tracing::warn!(%app, left_out, "lines were left out of the log");
                true
            }
            Verdict::Hushed => {
                tracing::warn!(%app, "too many lines of this app: the next ones are left out of the log");
                false
            }
            Verdict::LeftOut => false,
        }
    }

    fn judge(&self, now: Instant) -> Verdict {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(state.looked).as_secs_f64();
        state.looked = now;
        state.left = (state.left + passed * self.steady).min(self.burst);
        // Once hushed it stays so for a while: the log's own lines would be a flood too.
        let enough = if state.hushed.is_some() { self.burst / 2.0 } else { 1.0 };
        if state.left < enough {
            let first = state.hushed.is_none();
            *state.hushed.get_or_insert(0) += 1;
            return if first { Verdict::Hushed } else { Verdict::LeftOut };
        }
        state.left -= 1.0;
        state.hushed.take().map_or(Verdict::Written, Verdict::WrittenAfter)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_hushed_once_and_told_when_it_is_over() {
        let voice = Voice::new(Of::App);
        let begin = Instant::now();
        let first: Vec<_> = (0..1_000).map(|_| voice.judge(begin)).collect();
        let count = |of| first.iter().filter(|verdict| **verdict == of).count();
        assert_eq!((count(Verdict::Written), count(Verdict::Hushed)), (200, 1));
        assert_eq!(voice.judge(begin + Duration::from_secs(1)), Verdict::LeftOut);
        assert_eq!(voice.judge(begin + Duration::from_secs(9)), Verdict::WrittenAfter(801));
        assert_eq!(voice.judge(begin + Duration::from_secs(9)), Verdict::Written);
    }

    #[test]
    fn what_failed_is_told_behind_a_flood_of_denials() {
        let told = Told::of(&PackageName::parse("acme/loud").unwrap());
        let written = (0..1_000).filter(|_| told.denial().is_some()).count();
        assert!(written < 1_000, "the flood was never hushed");
        assert!(told.line().is_some(), "the reason of a failure was left out");
    }

    #[test]
    fn a_flood_without_end_is_a_trickle_in_the_log() {
        let voice = Voice::new(Of::App);
        let begin = Instant::now();
        let lines = (0..100_000)
            .filter(|ms| voice.judge(begin + Duration::from_millis(*ms)) != Verdict::LeftOut);
        let lines = lines.count();
        assert!(lines < 200 + 100 * 21, "{lines} lines in 100 s");
    }
}
