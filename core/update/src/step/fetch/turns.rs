//! Whom to ask next, and when: the whole policy of tries, mirrors and pauses. Decides from what it
//! is told; asks nobody and waits for nothing itself.

use std::time::Duration;

use tokio::time::Instant;

use super::error::FetchError;

/// The longest a source is left alone, whatever it asks for.
const LONGEST: Duration = Duration::from_hours(24);

/// The longest pause that nobody asked for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// The bounds of the tries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Places to fetch from.
    pub(super) sources: usize,
    /// Tries; a round over all sources is one.
    pub(super) tries: u32,
    /// The first pause.
    pub(super) pause: Duration,
    /// The longest wait that is waited for.
    pub(super) patience: Duration,
}

/// What follows a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask the next source at once.
    Now,
    /// Ask after this time.
    After(Duration),
    /// Give up.
    Never,
    /// Give up, because all who could serve ask to be left alone for so long.
    Asked(Duration),
}

/// How far the tries are.
#[derive(Debug)]
pub(super) struct Turns {
    bounds: Bounds,
    source: usize,
    tries: u32,
    /// Sources that failed since the last pause.
    in_a_row: usize,
    /// How often the source that is asked has broken off in a row.
    broke_off: u32,
    /// Whether one of them may serve later.
    may_pass: bool,
    /// Until when each source asked to be left alone.
    quiet: Vec<Option<Instant>>,
}

impl Turns {
    pub(super) fn new(bounds: Bounds) -> Self {
        let quiet = vec![None; bounds.sources.max(1)];
        Self { bounds, source: 0, tries: 0, in_a_row: 0, broke_off: 0, may_pass: false, quiet }
    }

    /// Who is asked.
    pub(super) const fn source(&self) -> usize {
        self.source
    }

    /// Tries that failed.
    pub(super) const fn tries(&self) -> u32 {
        self.tries
    }

    /// Takes note of a failure of the source that was asked. `jitter`, 0 to 255, spreads the pause,
    /// so that many hosts do not come back at one moment.
    pub(super) fn failed(&mut self, error: &FetchError, now: Instant, jitter: u8) -> Next {
        self.may_pass |= error.is_passing();
        if let FetchError::Repository(error) = error {
            self.quiet[self.source] = error.retry_after().map(|wait| now + wait.min(LONGEST));
        }
        if matches!(error, FetchError::Disk(_) | FetchError::Asked { .. }) {
            return Next::Never;
        }
        self.broke_off += 1;
        if error.sends_elsewhere() || self.broke_off > 1 {
            while self.in_a_row + 1 < self.quiet.len() {
                self.in_a_row += 1;
                self.source = (self.source + 1) % self.quiet.len();
                if self.wait(self.source, now).is_zero() {
                    self.broke_off = 0;
                    return Next::Now;
                }
            }
        }
        self.next_round(now, jitter)
    }

    /// Every source had its turn.
    fn next_round(&mut self, now: Instant, jitter: u8) -> Next {
        self.tries += 1;
        if !self.may_pass || self.tries >= self.bounds.tries {
            return Next::Never;
        }
        (self.in_a_row, self.may_pass) = (0, false);
        // Who served until now is asked again, unless another one can be asked sooner.
        let order = (0..self.quiet.len()).map(|step| (self.source + step) % self.quiet.len());
        self.source = order.min_by_key(|source| self.wait(*source, now)).unwrap_or(0);
        let asked = self.wait(self.source, now);
        if asked > self.bounds.patience {
            return Next::Asked(asked);
        }
        Next::After(asked.max(self.pause(jitter)))
    }

    /// How long `source` still wants to be left alone.
    fn wait(&self, source: usize, now: Instant) -> Duration {
        let until = self.quiet.get(source).copied().flatten();
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    /// Twice as long each time, give or take a half.
    fn pause(&self, jitter: u8) -> Duration {
        let doubled = 2_u32.saturating_pow(self.tries.saturating_sub(1));
        let pause = self.bounds.pause.saturating_mul(doubled).min(LONGEST_PAUSE);
        pause / 2 + pause * u32::from(jitter) / 256
    }
}

#[cfg(test)]
mod tests {
    use crate::port::RepositoryError;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn turns(sources: usize) -> Turns {
        let patience = Duration::from_mins(1);
        Turns::new(Bounds { sources, tries: 5, pause: SECOND, patience })
    }

    fn url() -> String {
        "https://a.example.com/x".to_owned()
    }

    fn broke_off() -> FetchError {
        let reason = "connection reset".to_owned();
        FetchError::Repository(RepositoryError::BrokeOff { url: url(), reason })
    }

    fn absent() -> FetchError {
        FetchError::Repository(RepositoryError::Absent { url: url() })
    }

    fn busy(seconds: u64) -> FetchError {
        let retry_after = Some(Duration::from_secs(seconds));
        FetchError::Repository(RepositoryError::Status { url: url(), status: 503, retry_after })
    }

    #[test]
    fn what_broke_off_is_tried_five_times_with_pauses_that_double() {
        let (mut turns, now) = (turns(1), Instant::now());
        let next = (0..5).map(|_| turns.failed(&broke_off(), now, 128)).collect::<Vec<_>>();
        let after = |seconds| Next::After(Duration::from_secs(seconds));
        assert_eq!(next, [after(1), after(2), after(4), after(8), Next::Never]);
        assert_eq!((turns.source(), turns.tries()), (0, 5));
    }

    #[test]
    fn a_source_that_breaks_off_twice_is_left_for_the_next() {
        let (mut turns, now) = (turns(2), Instant::now());
        assert_eq!(turns.failed(&broke_off(), now, 128), Next::After(SECOND));
        assert_eq!((turns.failed(&broke_off(), now, 128), turns.source()), (Next::Now, 1));
        assert_eq!(turns.failed(&broke_off(), now, 128), Next::After(2 * SECOND));
        assert_eq!((turns.failed(&broke_off(), now, 128), turns.source()), (Next::Now, 0));
    }

    #[test]
    fn a_pause_is_spread_by_a_half_in_both_directions() {
        let now = Instant::now();
        assert_eq!(turns(1).failed(&broke_off(), now, 0), Next::After(SECOND / 2));
        let Next::After(longest) = turns(1).failed(&broke_off(), now, 255) else { panic!() };
        assert!(longest > Duration::from_millis(1_490) && longest < Duration::from_millis(1_500));
    }

    #[test]
    fn a_file_that_is_missing_is_looked_for_at_every_source_once() {
        let (mut turns, now) = (turns(3), Instant::now());
        assert_eq!(turns.failed(&absent(), now, 0), Next::Now);
        assert_eq!(turns.source(), 1);
        assert_eq!(turns.failed(&absent(), now, 0), Next::Now);
        assert_eq!(turns.failed(&absent(), now, 0), Next::Never);
    }

    #[test]
    fn the_round_goes_on_where_one_source_may_serve_later() {
        let (mut turns, now) = (turns(2), Instant::now());
        assert_eq!(turns.failed(&busy(5), now, 128), Next::Now);
        // The mirror has nothing; the first one asked for five seconds, the mirror for none.
        assert_eq!(turns.failed(&absent(), now, 128), Next::After(SECOND));
        assert_eq!(turns.source(), 1);
        assert_eq!(turns.failed(&absent(), now + 6 * SECOND, 128), Next::Now);
        assert_eq!(turns.source(), 0);
    }

    #[test]
    fn a_source_is_left_alone_as_long_as_it_asks() {
        let now = Instant::now();
        assert_eq!(turns(1).failed(&busy(20), now, 0), Next::After(20 * SECOND));
        assert_eq!(turns(1).failed(&busy(3600), now, 0), Next::Asked(3600 * SECOND));
        assert_eq!(turns(1).failed(&busy(u64::from(u32::MAX)), now, 0), Next::Asked(LONGEST));
    }
}
