//! Judges a version on probation by what was counted of it, beside what was counted of the version
//! before. Only judges: what becomes of the version is for the update to decide.

use std::time::Duration;

use newleaf_plugin_host::{AppStats, Lately};
use newleaf_update::Budget;
use newleaf_update::port::{Faults, Probation};

/// How often a version on probation is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// However short the probation is, a request hangs no sooner: a busy machine is no evidence.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

/// When a version is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// While the probation lasts: what is slow may yet be answered.
    During,
    /// As it ends.
    End,
}

impl Moment {
    /// Of how many requests one may go unserved that the version before would have served: of two
    /// in the middle, of twenty at the end.
    const fn one_of(self) -> u64 {
        match self {
            Self::During => 2,
            Self::End => 20,
        }
    }
}

/// What there is to judge a version by.
#[derive(Debug)]
pub(super) struct Seen {
    /// What it did since it took over.
    pub(super) stats: AppStats,
    /// Requests that have had no answer for longer than `patience`.
    pub(super) hanging: u64,
    /// When a request hangs.
    pub(super) patience: Duration,
    /// How the version before served.
    pub(super) before: Before,
}

/// How the version before served in its last minutes, by the same measure; all zero where that is
/// not known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    asked: u64,
    hung: u64,
    refused: u64,
}

impl Before {
    pub(super) fn of(lately: &Lately, patience: Duration) -> Self {
        let (asked, refused) = (lately.asked(), lately.refused());
        Self { asked, hung: lately.waited(patience), refused }
    }
}

/// How long a request may be without an answer before it hangs: half of the time that an answer may
/// take, or of a probation that is shorter, in which nothing would ever reach that limit.
pub(super) fn patience(answer_within: Duration, probation: Probation) -> Duration {
    (answer_within.min(probation.lasts) / 2).max(LEAST_PATIENCE)
}

impl Seen {
    /// What it did wrong, whether or not that is too much.
    pub(super) fn faults(&self) -> Faults {
        let AppStats { traps, server_errors, refused, .. } = self.stats;
        Faults { traps, server_errors, hanging: self.hanging, refused }
    }

    /// Every request that it answered or did not.
    fn asked(&self) -> u64 {
        let AppStats { answered, server_errors, refused, .. } = self.stats;
        answered.saturating_add(server_errors).saturating_add(refused).saturating_add(self.hanging)
    }

    /// As many of its requests as hung or were turned away by the version before, of the `so_many`
    /// that this one was asked.
    fn usual(&self, with_the_one_before: u64, so_many: u64) -> u64 {
        let all = u128::from(self.before.asked.max(1));
        let share = (u128::from(with_the_one_before) * u128::from(so_many)).div_ceil(all);
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    /// Requests that hang, beyond those that did with the version before: never more of them than
    /// really did.
    fn hanging_anew(&self) -> u64 {
        let hung = self.before.hung;
        self.hanging.saturating_sub(self.usual(hung, self.asked()).min(hung))
    }

    /// Requests that were turned away, beyond the share that the version before turned away.
    fn refused_anew(&self) -> u64 {
        self.stats.refused.saturating_sub(self.usual(self.before.refused, self.asked()))
    }

    /// What it left unserved, in words.
    fn unserved(&self) -> String {
        let wait = format!("{} s", self.patience.as_secs_f64());
        let requests = |count| if count == 1 { "request" } else { "requests" };
        let had = if self.hanging == 1 { "has" } else { "have" };
        let hanging = (self.hanging > 0).then(|| {
            format!("{} {} {had} had no answer for {wait}", self.hanging, requests(self.hanging))
        });
        let refused = self.stats.refused;
        let was = if refused == 1 { "was" } else { "were" };
        let refused = (refused > 0).then(|| {
            format!(
                "{refused} {} {was} turned away, since it had too much to do",
                requests(refused)
            )
        });
        hanging.into_iter().chain(refused).collect::<Vec<_>>().join(", ")
    }
}

/// What speaks against the version, where anything does. Requests that hang and requests that are
/// turned away count beside answers of class 5xx as far as the version before served such ones: in
/// the middle of the probation where that is most of them, at its end where it is a twentieth, or
/// where none was answered well.
pub(super) fn judge(seen: &Seen, budget: Budget, moment: Moment) -> Option<String> {
    let stats = &seen.stats;
    if stats.traps > budget.traps {
        return Some(format!("it broke down {} times, {} are allowed", stats.traps, budget.traps));
    }
    let (errors, allowed) = (stats.server_errors, budget.server_errors);
    if errors > allowed {
        return Some(format!("it gave {errors} answers of class 5xx, {allowed} are allowed"));
    }
    let anew = seen.hanging_anew().saturating_add(seen.refused_anew());
    if moment == Moment::End && anew > 0 && stats.answered == 0 {
        return Some(format!("{}, and none was answered well", seen.unserved()));
    }
    // One request that is slow shows nothing while it may still be answered.
    let is_seldom = anew.saturating_mul(moment.one_of()) <= seen.asked();
    if is_seldom || errors.saturating_add(anew) <= allowed || moment == Moment::During && anew < 2 {
        return None;
    }
    let usual = seen.hanging.saturating_add(stats.refused).saturating_sub(anew);
    let as_before = if usual == 0 {
        String::new()
    } else {
        format!(" beyond the {usual} that the version before would have left so, too")
    };
    Some(format!(
        "{}, and it gave {errors} answers of class 5xx; {allowed} together are allowed{as_before}",
        seen.unserved()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { traps: 3, server_errors: 10 };

    fn seen(answered: u64, server_errors: u64, hanging: u64, refused: u64) -> Seen {
        let stats = AppStats { answered, server_errors, refused, ..AppStats::default() };
        let (patience, before) = (Duration::from_secs(30), Before::default());
        Seen { stats, hanging, patience, before }
    }

    fn judged(answered: u64, errors: u64, hanging: u64, moment: Moment) -> Option<String> {
        judge(&seen(answered, errors, hanging, 0), BUDGET, moment)
    }

    #[test]
    fn a_version_that_answers_nobody_is_given_up_before_the_end_where_many_ask() {
        assert_eq!(judged(0, 0, 1, Moment::During), None, "one slow request shows nothing");
        assert_eq!(judged(0, 0, 10, Moment::During), None);
        assert!(judged(0, 0, 11, Moment::During).is_some());
        let what = judged(0, 0, 1, Moment::End).unwrap();
        assert_eq!(what, "1 request has had no answer for 30 s, and none was answered well");
        assert_eq!(judged(0, 0, 0, Moment::End), None, "nobody asked");
        let strict = Budget { traps: 0, server_errors: 0 };
        assert_eq!(judge(&seen(0, 0, 1, 0), strict, Moment::During), None);
        assert!(judge(&seen(0, 0, 2, 0), strict, Moment::During).is_some());
    }

    #[test]
    fn where_others_are_answered_requests_that_hang_count_as_errors_at_the_end() {
        assert_eq!(judged(12, 4, 9, Moment::During), None);
        assert_eq!(judged(12, 4, 6, Moment::End), None);
        assert_eq!(
            judged(12, 4, 7, Moment::End).unwrap(),
            "7 requests have had no answer for 30 s, and it gave 4 answers of class 5xx; 10 \
             together are allowed"
        );
    }

    #[test]
    fn a_few_slow_requests_beside_many_answers_convict_nobody() {
        assert_eq!(judged(1_000, 0, 40, Moment::End), None);
        assert!(judged(500, 0, 40, Moment::End).is_some());
    }

    #[test]
    fn requests_that_hung_with_the_version_before_are_its_way_of_working() {
        let polls = |answered, hanging, hung| {
            let before = Before { asked: hung, hung, refused: 0 };
            let seen = Seen { before, ..seen(answered, 0, hanging, 0) };
            [Moment::During, Moment::End].map(|moment| judge(&seen, BUDGET, moment))
        };
        assert_eq!(polls(0, 11, 110), [None, None], "eleven visitors that wait for news");
        assert_eq!(polls(0, 11, 11), [None, None]);
        assert_eq!(polls(3, 14, 12), [None, None], "and three more");
        // One slow answer of the version before excuses no more than one.
        let [during, end] = polls(0, 12, 1);
        assert!(during.is_some_and(|what| what.ends_with(
            "are allowed beyond the 1 that the version before would have left so, too"
        )));
        assert!(end.is_some());
        let before = Before { asked: 1_000, hung: 5, refused: 0 };
        let seen = Seen { before, ..seen(0, 0, 64, 0) };
        assert!(judge(&seen, BUDGET, Moment::During).is_some(), "where few hung before");
    }

    #[test]
    fn a_version_that_turns_visitors_away_whom_the_one_before_served_is_given_up() {
        let refusing =
            |answered, refused, moment| judge(&seen(answered, 0, 0, refused), BUDGET, moment);
        assert_eq!(refusing(150, 10, Moment::End), None, "within what is allowed");
        assert_eq!(
            refusing(26, 970, Moment::During).unwrap(),
            "970 requests were turned away, since it had too much to do, and it gave 0 answers of \
             class 5xx; 10 together are allowed"
        );
        assert_eq!(refusing(600, 100, Moment::During), None, "a crowd after the hold");
        assert!(refusing(600, 100, Moment::End).is_some());
        assert_eq!(refusing(6_000, 100, Moment::End), None);
        let before = Before { asked: 1_000, hung: 0, refused: 975 };
        let as_before = Seen { before, ..seen(26, 0, 0, 970) };
        assert_eq!(
            judge(&as_before, BUDGET, Moment::During),
            None,
            "as many were turned away before"
        );
    }

    #[test]
    fn all_that_was_counted_is_told() {
        let seen = Seen { hanging: 3, ..seen(9, 2, 0, 4) };
        let faults = Faults { traps: 0, server_errors: 2, hanging: 3, refused: 4 };
        assert_eq!(seen.faults(), faults);
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
