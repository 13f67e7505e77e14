//! What an app does by itself, and what it uses of the machine.

use newleaf_domain::{ByteSize, JobName, Timestamp};
use serde::{Deserialize, Serialize};

/// What is known of an app at work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Its jobs, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobRow>,
    /// What it used since this process loaded it; none while it is not served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// A job of an app, which runs at regular times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// Its name.
    pub job: JobName,
    /// Seconds between the beginnings of two runs.
    pub every_seconds: u64,
    /// Whether it runs now.
    pub running: bool,
    /// The run that ended last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<JobRun>,
    /// Runs that have failed since one ended well.
    pub failures: u32,
    /// When it runs next; none while the host does not run it by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

/// A run of a job that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRun {
    /// When it began.
    pub began: Timestamp,
    /// How long it ran, in milliseconds.
    pub took_ms: u64,
    /// How it ended.
    #[serde(flatten)]
    pub end: JobEnd,
}

/// How a run of a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "end", content = "reason", rename_all = "lowercase")]
pub enum JobEnd {
    /// Well.
    Done,
    /// The app refused or broke down, or took too long; in its words or the host's.
    Failed(String),
    /// It was cut off, because the app was to be updated or stopped, or the host ended; no fault
    /// of the app.
    Cut(String),
}

impl std::fmt::Display for JobEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("ended well"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
            Self::Cut(reason) => write!(f, "was cut off: {reason}"),
        }
    }
}

/// What an app used since this process loaded its version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Requests taken.
    pub requests: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Requests and answers that broke down: traps and limits that were overrun.
    pub traps: u64,
    /// Answers of the 5xx class, the host's own for a trap included.
    pub server_errors: u64,
    /// The time that half of the requests did not exceed, in microseconds, right to 12.5 %.
    pub p50_us: Option<u64>,
    /// The same for 99 of 100.
    pub p99_us: Option<u64>,
    /// Processor time in milliseconds.
    pub cpu_ms: u64,
    /// The most memory that one instance had.
    pub memory: ByteSize,
    /// What its data takes on disk, as it was measured last, some minutes ago at most; none before.
    pub stored: Option<ByteSize>,
    /// Runs of its jobs that have ended.
    pub job_runs: u64,
    /// Those that failed or were cut off.
    pub job_failures: u64,
}
