//! What visitors ask of one app: how fast they came at the worst of the last hour, and which pages
//! were answered well lately. Remembers nothing of who asked, and no query.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::{HeaderMap, Method, Response, header};

/// The pages that are remembered of an app.
const PAGES: usize = 8;

/// The longest path that is remembered, in bytes.
const LONGEST: usize = 256;

/// The minutes that the highest rate is looked for in.
const MINUTES: u64 = 60;

/// What visitors ask of one app, whichever version serves.
#[derive(Debug)]
pub(crate) struct Traffic {
    began: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The second that is counted, since the beginning, and its requests so far.
    second: u64,
    requests: u64,
    /// The highest count of a second in each of the last minutes, oldest first, with its minute.
    peaks: VecDeque<(u64, u64)>,
    pages: VecDeque<String>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { began: Instant::now(), seen: Mutex::default() }
    }
}

impl Traffic {
    /// Counts a request that has just come.
    pub(crate) fn count(&self) {
        self.count_at(self.began.elapsed());
    }

    fn count_at(&self, at: Duration) {
        let mut seen = self.seen();
        if at.as_secs() != seen.second {
            seen.second = at.as_secs();
            seen.requests = 0;
        }
        seen.requests += 1;
        let (minute, requests) = (at.as_secs() / 60, seen.requests);
        match seen.peaks.back_mut().filter(|(last, _)| *last == minute) {
            Some((_, peak)) => *peak = requests.max(*peak),
            None => seen.peaks.push_back((minute, requests)),
        }
        seen.forget(minute);
    }

    /// The most requests that came within a second of the last hour.
    pub(crate) fn peak(&self) -> u64 {
        self.peak_at(self.began.elapsed())
    }

    fn peak_at(&self, at: Duration) -> u64 {
        let mut seen = self.seen();
        seen.forget(at.as_secs() / 60);
        seen.peaks.iter().map(|(_, peak)| *peak).max().unwrap_or(0)
    }

    /// Remembers a page that was answered well: one that is read to its end by whoever asks for it
    /// again.
    pub(crate) fn answered<B>(&self, method: &Method, path: &str, response: &Response<B>) {
        let is_page = method == Method::GET
            && response.status().is_success()
            && path.len() <= LONGEST
            && !is_stream(response.headers());
        if !is_page {
            return;
        }
        let mut seen = self.seen();
        if seen.pages.iter().any(|page| page == path) {
            return;
        }
        if seen.pages.len() >= PAGES {
            seen.pages.pop_front();
        }
        seen.pages.push_back(path.to_owned());
    }

    /// The paths of the pages that were answered well lately.
    pub(crate) fn pages(&self) -> Vec<String> {
        self.seen().pages.iter().cloned().collect()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn forget(&mut self, minute: u64) {
        while self.peaks.front().is_some_and(|(at, _)| at + MINUTES <= minute) {
            self.peaks.pop_front();
        }
    }
}

/// Whether the answer is one that goes on for as long as somebody listens.
fn is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_busiest_second_counts_for_an_hour_and_not_longer() {
        let traffic = Traffic::default();
        for (second, requests) in [(3, 5), (4, 40), (70, 12)] {
            (0..requests).for_each(|_| traffic.count_at(at(second)));
        }
        assert_eq!(traffic.peak_at(at(80)), 40);
        assert_eq!(traffic.peak_at(at(59 * 60 + 59)), 40);
        assert_eq!(traffic.peak_at(at(60 * 60 + 1)), 12);
        assert_eq!(traffic.peak_at(at(3 * 60 * 60)), 0);
        traffic.count_at(at(3 * 60 * 60));
        assert_eq!(traffic.seen().peaks.len(), 1, "it grows without bound");
    }

    #[test]
    fn pages_that_were_answered_well_are_remembered_and_few_of_them() {
        let traffic = Traffic::default();
        let note = |method: &Method, path: &str, status: u16, kind: &str| {
            let response = Response::builder().status(status).header("content-type", kind);
            traffic.answered(method, path, &response.body(()).unwrap());
        };
        note(&Method::POST, "/posted", 200, "text/html");
        note(&Method::GET, "/gone", 404, "text/html");
        note(&Method::GET, "/events", 200, "text/event-stream; charset=utf-8");
        note(&Method::GET, &format!("/{}", "x".repeat(LONGEST)), 200, "text/html");
        assert!(traffic.pages().is_empty(), "{:?}", traffic.pages());
        for number in 0..20 {
            note(&Method::GET, &format!("/{number}"), 200, "text/html");
            note(&Method::GET, "/19", 200, "text/html");
        }
        let pages = traffic.pages();
        assert_eq!(pages.len(), PAGES);
        assert_eq!(pages.iter().filter(|page| *page == "/19").count(), 1, "{pages:?}");
    }
}
