//! What the run of an app's job can come to. Knows neither schedules nor clocks: when a job is to
//! run is decided elsewhere.

use newleaf_domain::JobName;

use crate::LifecycleError;

/// Why a job was not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Requests are held: the app is being updated. Try again after.
    #[error("the app is being updated")]
    Held,
    /// The app is not served.
    #[error("the app is stopped")]
    Stopped,
    /// An app's jobs run one at a time.
    #[error("its job {running} runs")]
    Busy {
        /// The one that runs.
        running: JobName,
    },
    /// The app has no jobs.
    #[error("the app exports no `newleaf:app/jobs`")]
    NotExported,
    /// It still ran when the app was to be updated or stopped.
    #[error("it was cut off, because the app was to be updated or stopped")]
    Cut,
    /// The run itself failed.
    #[error(transparent)]
    Failed(#[from] LifecycleError),
}

impl JobError {
    /// Whether the job was not begun, and is still due.
    pub fn is_put_off(&self) -> bool {
        matches!(self, Self::Held | Self::Stopped | Self::Busy { .. })
    }
}
