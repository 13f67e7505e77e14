//! Judges a version on probation by what was counted of it. Only judges: what becomes of the version
//! is for the update to decide.

use std::time::Duration;

use newleaf_plugin_host::AppStats;
use newleaf_update::Budget;
use newleaf_update::port::Probation;

/// How often a version on probation is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// However short the probation is, a request hangs no sooner: a busy machine is no evidence.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// When a version is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// While the probation lasts.
    During,
    /// As it ends.
    End,
}

/// What there is to judge a version by.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    /// What it did since it took over.
    pub(super) stats: &'a AppStats,
    /// Requests that have had no answer for longer than `patience`.
    pub(super) hanging: u64,
    /// When a request hangs.
    pub(super) patience: Duration,
}

/// How long a request may be without an answer before it hangs: half of the time that an answer may
/// take, or of a probation that is shorter, in which nothing would ever reach that limit.
pub(super) fn patience(answer_within: Duration, probation: Probation) -> Duration {
    (answer_within.min(probation.lasts) / 2).max(LEAST_PATIENCE)
}

/// What speaks against the version, where anything does. Requests that hang do at once where none was
/// answered well; else at the end, as the answers of class 5xx that they are about to be.
pub(super) fn judge(seen: &Seen<'_>, budget: Budget, moment: Moment) -> Option<String> {
    let Seen { stats, hanging, patience } = seen;
    if stats.traps > budget.traps {
        return Some(format!("it broke down {} times, {} are allowed", stats.traps, budget.traps));
    }
    let (errors, allowed) = (stats.server_errors, budget.server_errors);
    if errors > allowed {
        return Some(format!("it gave {errors} answers of class 5xx, {allowed} are allowed"));
    }
    let wait = format!("{} s", patience.as_secs_f64());
    let requests = if *hanging == 1 { "request has" } else { "requests have" };
    let silent = format!("{hanging} {requests} had no answer for {wait}");
    if *hanging > 0 && stats.answered == 0 {
        return Some(format!("{silent}, and none was answered well"));
    }
    (moment == Moment::End && errors.saturating_add(*hanging) > allowed).then(|| {
        format!(
            "{silent} and it gave {errors} answers of class 5xx, {allowed} together are allowed"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { traps: 3, server_errors: 10 };

    fn judged(answered: u64, server_errors: u64, hanging: u64, moment: Moment) -> Option<String> {
        let stats = AppStats { answered, server_errors, ..AppStats::default() };
        let patience = Duration::from_secs(30);
        judge(&Seen { stats: &stats, hanging, patience }, BUDGET, moment)
    }

    #[test]
    fn a_version_that_answers_nobody_is_given_up_at_once() {
        let what = judged(0, 0, 1, Moment::During).unwrap();
        assert_eq!(what, "1 request has had no answer for 30 s, and none was answered well");
        assert_eq!(judged(0, 0, 0, Moment::End), None, "nobody asked");
    }

    #[test]
    fn where_others_are_answered_requests_that_hang_count_as_errors_at_the_end() {
        assert_eq!(judged(1, 4, 9, Moment::During), None);
        assert_eq!(judged(1, 4, 6, Moment::End), None);
        assert_eq!(
            judged(1, 4, 7, Moment::End).unwrap(),
            "7 requests have had no answer for 30 s and it gave 4 answers of class 5xx, \
             10 together are allowed"
        );
    }

    #[test]
    fn a_request_hangs_after_half_of_the_time_that_it_could_be_watched() {
        let lasting = |seconds| Probation { lasts: Duration::from_secs(seconds), budget: BUDGET };
        let within = Duration::from_mins(1);
        for (lasts, seconds) in [(60, 30), (600, 30), (8, 4), (1, 1)] {
            assert_eq!(patience(within, lasting(lasts)), Duration::from_secs(seconds), "{lasts} s");
        }
    }
}
