//! The way from the API to the jobs of apps.

use async_trait::async_trait;
use newleaf_domain::{JobName, PackageName};
use newleaf_update::view::JobEnd;

/// Runs a job that an admin asks for.
#[async_trait]
pub trait Jobs: Send + Sync + std::fmt::Debug {
    /// Runs it now, whatever its schedule says, and waits for its end; its next run is counted from
    /// this one.
    ///
    /// # Errors
    /// [`JobRefusal`]: it was not begun.
    async fn run_now(&self, app: &PackageName, job: &JobName) -> Result<JobEnd, JobRefusal>;
}

/// Why a job was not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobRefusal {
    /// There is no such app.
    #[error("it is not installed")]
    NoApp,
    /// The app has no such job, or was not granted it.
    #[error("it has no such job")]
    NoJob,
    /// Not now.
    #[error("{reason}")]
    Later {
        /// Why.
        reason: String,
    },
}
