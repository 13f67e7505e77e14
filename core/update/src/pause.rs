//! How long the visitors of an app wait while its data is brought to another schema: expected from a
//! rehearsal, told beforehand where it is long, and bounded. Measures nothing by itself.

use std::time::Duration;

use newleaf_domain::Target;
use tokio::time::Instant;

use crate::port::{AppRehearsed, PluginError, Traffic};
use crate::run::{Blame, Broken, Context, Stop};
use crate::step::plugin_failed;
use crate::view::Pause;

/// How often the rehearsed time may pass before an update is taken back: three times.
const MOST: u32 = 3;

/// What is expected of a version whose rehearsal came to a good end.
///
/// Visitors wait unannounced only where that is no longer than `at_most`, and where those who come
/// meanwhile, at the highest rate of the last hour, fill no more than half of the waiting room.
pub(crate) fn expect(rehearsed: &AppRehearsed, traffic: Traffic, at_most: Duration) -> Pause {
    let expected = rehearsed.pause();
    let come = u128::from(traffic.peak) * expected.as_millis() / 1000;
    let room = traffic.room as u128 / 2;
    let announced = if expected > at_most {
        Some(format!("visitors are made to wait for {} at the most", spoken(at_most)))
    } else if come > room {
        Some(format!(
            "at {} requests a second, the most of the last hour, {come} would wait at a time; half \
             of the room is {room}",
            traffic.peak
        ))
    } else {
        None
    };
    Pause { expected_ms: u64::try_from(expected.as_millis()).unwrap_or(u64::MAX), announced }
}

/// `less than 1 s`, `about 12 s`, `about 4 min`.
pub(crate) fn spoken(span: Duration) -> String {
    let seconds = span.as_millis().div_ceil(1000);
    match seconds {
        _ if span < Duration::from_secs(1) => "less than 1 s".to_owned(),
        ..120 => format!("about {seconds} s"),
        _ => format!("about {} min", seconds.div_ceil(60)),
    }
}

/// How an app's visitors are kept from it during its switch, and for how long at the most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    expected: Option<Duration>,
    announced: bool,
    pages: Vec<String>,
    until: Option<Instant>,
}

impl Pace {
    /// As a rehearsal showed and the plan announced.
    pub(crate) fn of(rehearsed: AppRehearsed, pause: &Pause) -> Self {
        Self {
            expected: Some(rehearsed.pause()),
            announced: pause.announced.is_some(),
            pages: rehearsed.pages,
            until: None,
        }
    }

    /// What visitors are told they have to wait, where they are told; else they just wait.
    pub(crate) fn told(&self) -> Option<Duration> {
        self.expected.filter(|_| self.announced)
    }

    /// Pages that the version answered well in its rehearsal.
    pub(crate) fn pages(&self) -> &[String] {
        &self.pages
    }

    /// What was rehearsed of the time that visitors wait; none where nothing was.
    pub(crate) const fn expected(&self) -> Option<Duration> {
        self.expected
    }

    /// Counts from now on: three times the rehearsed time may pass, and never less than `least`.
    #[must_use]
    pub(crate) fn begun(self, least: Duration) -> Self {
        let until = self.expected.map(|expected| Instant::now() + (expected * MOST).max(least));
        Self { until, ..self }
    }

    /// Does something with the app while its visitors wait; gives up where it takes too long, which
    /// says as much of the machine as of the version.
    pub(crate) async fn within<T>(
        &self,
        cx: &Context,
        doing: &str,
        work: impl Future<Output = Result<T, PluginError>>,
    ) -> Result<T, Stop> {
        let Some((until, expected)) = self.until.zip(self.expected) else {
            return work.await.map_err(|error| plugin_failed(&error));
        };
        match tokio::time::timeout_at(until, work).await {
            Ok(done) => done.map_err(|error| plugin_failed(&error)),
            Err(_) => Err(Stop::Failed(too_long(&cx.target, doing, expected))),
        }
    }
}

fn too_long(target: &Target, doing: &str, expected: Duration) -> Broken {
    Broken {
        what: format!(
            "{target} was still to {doing} when {MOST} times the rehearsed time had passed: {} s \
             were expected",
            expected.as_secs_f64()
        ),
        todo: "try again when the machine is less busy".to_owned(),
        blame: Blame::Machine,
    }
}

#[cfg(test)]
mod tests {
    use newleaf_domain::ByteSize;

    use super::*;

    fn rehearsed(migrate_ms: u64) -> AppRehearsed {
        AppRehearsed {
            copied: ByteSize::mib(4),
            copy_ms: 900,
            snapshot_ms: 10,
            migrate_ms,
            health_ms: 10,
            pages: Vec::new(),
        }
    }

    fn announced(migrate_ms: u64, peak: u64) -> Option<String> {
        let traffic = Traffic { peak, room: 4096 };
        expect(&rehearsed(migrate_ms), traffic, Duration::from_secs(20)).announced
    }

    #[test]
    fn a_pause_is_announced_where_it_is_long_or_fills_half_of_the_waiting_room() {
        assert_eq!(announced(19_980, 0), None);
        let long = announced(19_981, 0).unwrap();
        assert!(long.contains("about 20 s at the most"), "{long}");
        assert_eq!(announced(3_980, 512), None);
        let crowded = announced(3_990, 512).unwrap();
        assert!(crowded.contains("2053 would wait") && crowded.contains("is 2048"), "{crowded}");
    }

    #[test]
    fn spans_are_told_as_people_say_them() {
        for (ms, told) in [
            (30, "less than 1 s"),
            (1_001, "about 2 s"),
            (119_000, "about 119 s"),
            (239_000, "about 4 min"),
        ] {
            assert_eq!(spoken(Duration::from_millis(ms)), told);
        }
    }
}
