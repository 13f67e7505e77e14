//! When a job is to run: the whole policy, without clock, dice or disk.
//!
//! - A new job has its first run at some time within its interval, ten minutes at most, so that
//!   many that are installed together do not run together.
//! - The next run begins one interval after the beginning of the last, and a minute after its end
//!   at the earliest.
//! - From the third failure in a row on, the interval doubles, up to six hours.
//! - A run that was cut off comes again after a minute.
//! - After a restart a run that was missed comes within a minute: it is neither run at once with
//!   all others, nor skipped.

use std::time::Duration;

use newleaf_domain::Timestamp;
use newleaf_update::view::{JobEnd, JobRun};
use serde::{Deserialize, Serialize};

/// The longest wait for the first run.
const FIRST_WITHIN: Duration = Duration::from_mins(10);

/// Within what time a run that was missed is made up for.
const MISSED_WITHIN: Duration = Duration::from_mins(1);

/// The rest after a run, however long it took, and before one that was cut off comes again.
const REST: Duration = Duration::from_mins(1);

/// Failures in a row from which on the interval grows.
const PATIENCE: u32 = 3;

/// What the interval grows to, where it is not longer by itself.
const LONGEST: Duration = Duration::from_hours(6);

/// What is remembered of a job, restarts included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The run that ended last.
    pub(super) last: Option<JobRun>,
    /// Failures in a row.
    pub(super) failures: u32,
    /// When it is to run next.
    pub(super) next: Timestamp,
}

/// A share of a whole, out of 65,536; thrown anew for each use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice(pub(super) u16);

impl Dice {
    fn of(self, whole: Duration) -> i64 {
        let share = whole.as_secs() * u64::from(self.0) / (1 << 16);
        i64::try_from(share).unwrap_or(0)
    }
}

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}

impl Record {
    /// Of a job that was never run.
    pub(super) fn first(now: Timestamp, every: Duration, dice: Dice) -> Self {
        let next = now.plus_seconds(dice.of(every.min(FIRST_WITHIN)));
        Self { last: None, failures: 0, next }
    }

    /// The same after a restart, or with another interval.
    pub(super) fn taken_up(mut self, now: Timestamp, every: Duration, dice: Dice) -> Self {
        if self.next <= now {
            self.next = now.plus_seconds(dice.of(MISSED_WITHIN));
        }
        // A clock that was wrong, or a longer interval than there is now.
        self.next = self.next.min(now.plus_seconds(seconds(self.interval(every))));
        self
    }

    /// The same while a run goes on: where the machine stops, the next comes at its time.
    pub(super) fn begun(mut self, now: Timestamp, every: Duration) -> Self {
        self.next = now.plus_seconds(seconds(self.interval(every)));
        self
    }

    /// The same after `run`.
    pub(super) fn after(mut self, run: JobRun, every: Duration) -> Self {
        let took = i64::try_from(run.took_ms / 1_000).unwrap_or(i64::MAX);
        let rested = run.began.plus_seconds(took).plus_seconds(seconds(REST));
        match run.end {
            JobEnd::Done => self.failures = 0,
            JobEnd::Failed(_) => self.failures = self.failures.saturating_add(1),
            JobEnd::Cut(_) => {
                self.next = rested;
                self.last = Some(run);
                return self;
            }
        }
        self.next = run.began.plus_seconds(seconds(self.interval(every))).max(rested);
        self.last = Some(run);
        self
    }

    /// The time between two runs, with the failures in a row.
    fn interval(&self, every: Duration) -> Duration {
        let doublings = (self.failures + 1).saturating_sub(PATIENCE).min(16);
        (every * (1 << doublings)).min(LONGEST.max(every))
    }

    /// Whether the interval has grown.
    pub(super) fn backs_off(&self) -> bool {
        self.failures >= PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_mins(15);
    const NOW: Timestamp = Timestamp::from_unix(1_000_000);

    fn run(began: Timestamp, took: u64, end: JobEnd) -> JobRun {
        JobRun { began, took_ms: took * 1_000, end }
    }

    fn fails(record: Record) -> Record {
        let began = record.next;
        record.after(run(began, 1, JobEnd::Failed("no milk".to_owned())), EVERY)
    }

    fn fresh() -> Record {
        Record::first(NOW, EVERY, Dice(0))
    }

    #[test]
    fn first_runs_are_spread_over_ten_minutes_or_a_shorter_interval() {
        let next = |every, dice| Record::first(NOW, every, Dice(dice)).next.seconds_since(NOW);
        assert_eq!((next(EVERY, 0), next(EVERY, u16::MAX)), (0, 599));
        assert_eq!(next(Duration::from_mins(1), 1 << 15), 30);
    }

    #[test]
    fn runs_begin_one_interval_apart_and_one_that_takes_long_has_a_rest_after_it() {
        let after = |took| fresh().after(run(NOW, took, JobEnd::Done), EVERY).next;
        assert_eq!(after(5), NOW.plus_seconds(900));
        assert_eq!(after(2_000), NOW.plus_seconds(2_060));
    }

    #[test]
    fn failures_in_a_row_make_the_interval_grow_to_six_hours_and_one_success_undoes_it() {
        let mut record = fresh();
        let mut waits = Vec::new();
        for _ in 0..8 {
            let began = record.next;
            record = fails(record);
            waits.push(record.next.seconds_since(began) / 60);
        }
        assert_eq!(waits, [15, 15, 30, 60, 120, 240, 360, 360]);
        assert!(record.backs_off());
        let began = record.next;
        record = record.after(run(began, 1, JobEnd::Done), EVERY);
        assert_eq!((record.failures, record.next.seconds_since(began)), (0, 900));
        let day = Duration::from_hours(24);
        let rare = Record { failures: 9, ..fresh() }.begun(NOW, day);
        assert_eq!(rare.next, NOW.plus_seconds(86_400), "a long interval does not shrink");
    }

    #[test]
    fn a_run_that_was_cut_off_is_no_failure_and_comes_again_soon() {
        let cut = fresh().after(run(NOW, 10, JobEnd::Cut("an update".to_owned())), EVERY);
        assert_eq!((cut.failures, cut.next), (0, NOW.plus_seconds(70)));
    }

    #[test]
    fn a_restart_neither_skips_nor_runs_everything_at_once() {
        let missed = Record { next: NOW.plus_seconds(-50_000), ..fresh() };
        let soon = missed.clone().taken_up(NOW, EVERY, Dice(1 << 15));
        assert_eq!(soon.next, NOW.plus_seconds(30));
        let later = Record { next: NOW.plus_seconds(300), ..fresh() };
        assert_eq!(later.clone().taken_up(NOW, EVERY, Dice(9)), later);
        let strange = Record { next: NOW.plus_seconds(9_999_999), ..fresh() };
        assert_eq!(strange.taken_up(NOW, EVERY, Dice(9)).next, NOW.plus_seconds(900));
    }

    #[test]
    fn a_run_that_takes_the_machine_down_is_not_the_first_thing_after_the_restart() {
        let during = fresh().begun(NOW, EVERY);
        assert_eq!(
            during.taken_up(NOW.plus_seconds(20), EVERY, Dice(0)).next,
            NOW.plus_seconds(900)
        );
    }

    #[test]
    fn a_record_reads_as_it_was_written() {
        let record = fails(fresh());
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}
