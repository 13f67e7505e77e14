//! One attack under watch: the neighbour is asked all the while, the worker's memory is looked at,
//! its log is read.

use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use newleaf_tests::load::{Load, Over, Shot, Tally};

use crate::ground::{Ground, id};

/// Requests a second to the neighbour.
const RATE: u32 = 60;

/// Requests of the neighbour that every attack must let through.
const AT_LEAST: u64 = 120;

/// What the host's memory may grow by, whatever one app does: what its instances may have together
/// (512 MiB), and what is kept of many answers under way.
const GROWTH: u64 = 768 * 1024 * 1024;

/// How long the log may come after what it tells of.
const LOG_WITHIN: Duration = Duration::from_secs(10);

/// What an attack left behind.
#[derive(Debug)]
pub(crate) struct Siege<'a> {
    ground: &'a Ground,
    app: String,
    /// The first line of the log that came after it had begun.
    first_line: usize,
    /// What the host's memory grew by at most, in bytes.
    pub(crate) grown: u64,
}

impl Ground {
    /// Has `attack` done while the neighbour is asked, and asserts that neither it nor the host
    /// took harm.
    pub(crate) fn siege<T>(
        &self,
        app: &str,
        what: &str,
        attack: impl FnOnce() -> T,
    ) -> (T, Siege<'_>) {
        let quiet = *self.quiet.get_or_init(|| self.in_peace());
        let workers = self.host.workers();
        let first_line = self.host.process.line_count();
        let before = resident_and_begin_anew(workers[0]);
        let (done, tally) = self.under_load(attack);
        let grown = peak(workers[0]).saturating_sub(before);
        let mib = grown / 1024 / 1024;
        println!(
            "{what}: neighbour p99 {:.1} ms (quiet {quiet:.1} ms), p50 {:.1} ms, {} asked, \
             {} failed, host grew by {mib} MiB",
            tally.percentile(0.99),
            tally.percentile(0.5),
            tally.sent,
            tally.failures()
        );
        let log = || self.host.process.lines_from(first_line, Duration::ZERO, |_| true).join("\n");
        assert_eq!(tally.failures(), 0, "{what}: {tally}\n{}", log());
        assert_eq!(self.host.workers(), workers, "{what}: a worker was started anew\n{}", log());
        assert!(grown < GROWTH, "{what}: the host grew by {mib} MiB");
        (done, Siege { ground: self, app: id(app), first_line, grown })
    }

    /// The neighbour's p99 while nobody is hostile.
    fn in_peace(&self) -> f64 {
        let ((), tally) = self.under_load(|| ());
        println!("in peace: {tally}");
        tally.percentile(0.99)
    }

    /// Does `work` while the neighbour is asked, and at least for as long as some requests take.
    fn under_load<T>(&self, work: impl FnOnce() -> T) -> (T, Tally) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let load = runtime.block_on(async {
            let load = Load::start(self.host.public, RATE, shots());
            load.reaches(u64::from(RATE) / 2).await;
            load
        });
        let done = work();
        let tally = runtime.block_on(async {
            let enough = load.reaches(AT_LEAST);
            let reached = tokio::time::timeout(Duration::from_mins(1), enough).await;
            let tally = load.stop().await;
            assert!(reached.is_ok(), "the neighbour answers no more: {tally}");
            tally
        });
        (done, tally)
    }
}

/// Mostly reads of the neighbour, through its database; now and then a write, and the host's own
/// page.
fn shots() -> Vec<Shot> {
    let get = |name, path: &str| Shot {
        name,
        method: Method::GET,
        path: path.into(),
        body: None,
        expect: StatusCode::OK,
        over: Over::Http1,
    };
    let mut shots: Vec<_> = (0..58).map(|_| get("read", "/apps/acme/notes/api/notes")).collect();
    shots.insert(20, get("page", "/"));
    let note = Bytes::from_static(br#"{"title":"during a siege","body":"","tags":""}"#);
    shots.insert(
        40,
        Shot {
            name: "write",
            method: Method::POST,
            path: "/apps/acme/notes/api/notes".into(),
            body: Some(("application/json", note)),
            expect: StatusCode::CREATED,
            over: Over::Http1,
        },
    );
    shots
}

impl Siege<'_> {
    /// The lines of the log that name the app, once one of them holds `reason`.
    pub(crate) fn told(&self, reason: &str) -> Vec<String> {
        let is_told = |line: &String| line.contains(&self.app) && line.contains(reason);
        let lines = self
            .ground
            .host
            .process
            .lines_from(self.first_line, LOG_WITHIN, |lines| lines.iter().any(is_told));
        let all = lines.join("\n");
        assert!(lines.iter().any(is_told), "{} and {reason:?} are not told:\n{all}", self.app);
        lines.into_iter().filter(|line| line.contains(&self.app)).collect()
    }

    /// The same, where one failed request makes one line.
    pub(crate) fn told_once(&self, reason: &str) {
        let lines = self.told(reason);
        assert_eq!(lines.len(), 1, "told more than once:\n{}", lines.join("\n"));
    }
}

/// Bytes of memory that the process has now; its peak is counted from here (proc(5), `clear_refs`).
fn resident_and_begin_anew(pid: i32) -> u64 {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
    status(pid, "VmRSS:")
}

fn peak(pid: i32) -> u64 {
    status(pid, "VmHWM:")
}

fn status(pid: i32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024
}
