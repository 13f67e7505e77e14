//! Work at regular times: what the host calls when a schedule is due.
//!
//! ```ignore
//! use newleaf_sdk::{Error, Jobs};
//!
//! newleaf_sdk::app!(Feeds);
//! newleaf_sdk::jobs!(Feeds);
//!
//! impl Jobs for Feeds {
//!     fn run(job: &str) -> Result<(), Error> {
//!         match job {
//!             "fetch" => fetch_all(),
//!             other => Err(Error::Failed(format!("there is no job {other}"))),
//!         }
//!     }
//! }
//! ```
//!
//! In `manifest.json`, among the `capabilities`:
//! `{"kind": "schedule", "job": "fetch", "every_seconds": 900, "reason": "…"}`.

use crate::Error;

/// An app that does work at regular times. Name the type with [`jobs!`](crate::jobs!), beside
/// [`app!`](crate::app!) or [`handle!`](crate::handle!).
pub trait Jobs {
    /// Does the work `job`, as a schedule in `manifest.json` names it; `main` where it names none.
    ///
    /// Runs on a fresh instance, one run of the app's jobs at a time, while requests go on. It may
    /// be cut off at any instant (an update does not wait for ever), so put what belongs together
    /// in one [`transaction`](crate::sql::transaction).
    ///
    /// # Errors
    /// The text is shown to the administrator and logged. The next run comes all the same, later
    /// than usual where several in a row have failed.
    fn run(job: &str) -> Result<(), Error>;
}

/// Makes a type that implements [`Jobs`] the one whose work the host runs at its times.
#[macro_export]
macro_rules! jobs {
    ($app:ty) => {
        struct NewleafJobs;

        impl $crate::private::JobsGuest for NewleafJobs {
            fn run(
                job: ::std::string::String,
            ) -> ::core::result::Result<(), ::std::string::String> {
                <$app as $crate::Jobs>::run(&job).map_err(|error| error.to_string())
            }
        }

        $crate::private::export_jobs!(NewleafJobs with_types_in $crate::job_bindings);
    };
}
