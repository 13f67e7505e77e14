//! Brings a package to `downloads`: as a delta over the version that serves, else as its compressed
//! copy, else as it is.
//!
//! Deltas and copies are hints that nobody signed. One that is not there, or from which the signed
//! package does not come, is passed over without a word to the admin; the record of the step says
//! it. Never takes more than is signed, never looks at the bytes: `verify` does that.

mod download;
mod error;
mod throttle;
mod turns;
mod way;

use std::time::Instant;

use newleaf_domain::ByteSize;

use crate::explain::chain;
use crate::port::Measured;
use crate::proof::{Fetched, Listed};
use crate::run::{Broken, Context, Passed, StepResult};

use download::{Arrived, Job, download};
use error::FetchError;
use way::Way;

/// Brings the package, unless it is there.
pub(crate) async fn run(cx: Context, listed: Listed) -> StepResult<Fetched> {
    let slots = &cx.updater.ports().slots;
    let there = slots.measure(listed.change().digest).await;
    if matches!(there, Ok(Some(file)) if file == signed(&listed)) {
        return Ok(Passed::skipped(Fetched::new(listed), "it is downloaded already"));
    }
    let begun = Instant::now();
    let brought = bring(&cx, &listed).await;
    let brought = brought.map_err(|error| Broken::machine(&error, error.todo()))?;
    let detail = brought.told(listed.change().length, begun.elapsed());
    Ok(Passed::done(Fetched::new(listed), detail))
}

/// The package as it was signed.
fn signed(listed: &Listed) -> Measured {
    Measured { length: listed.change().length, sha256: listed.change().digest }
}

/// How a package came.
#[derive(Debug)]
struct Brought {
    way: Way,
    arrived: Arrived,
    /// Why it did not come in a smaller form, where one was tried.
    missed: Option<String>,
}

impl Brought {
    /// What the record of the step says.
    fn told(&self, package: ByteSize, took: std::time::Duration) -> String {
        let seconds = took.as_secs_f64();
        let form = match &self.way {
            Way::Plain => String::new(),
            Way::Compressed => format!(", the compressed copy of {package}"),
            Way::Delta { version, .. } => format!(", a delta of {package} over {version}"),
        };
        let kept = self.arrived.kept;
        let kept = if kept == ByteSize::bytes(0) {
            String::new()
        } else {
            format!(", {kept} of it from an earlier try")
        };
        let missed = self.missed.as_ref();
        let missed =
            missed.map_or_else(String::new, |why| format!("; not in a smaller form: {why}"));
        format!("{} in {seconds:.1} s{form}{kept}{missed}", self.arrived.length)
    }
}

/// What became of a hint.
enum Hint {
    /// The package is there.
    Took(Arrived),
    /// It is not to be had; the next one may be.
    NotThere,
    /// It is there and no package comes of it.
    Failed(String),
}

async fn bring(cx: &Context, listed: &Listed) -> Result<Brought, FetchError> {
    let mut missed = None;
    for way in way::hints(cx, listed).await? {
        match take(cx, listed, &way).await? {
            Hint::Took(arrived) => return Ok(Brought { way, arrived, missed: None }),
            Hint::NotThere => {}
            Hint::Failed(reason) => {
                tracing::debug!(update = %cx.id, ?way, reason, "a smaller form did not serve");
                missed = Some(reason);
                break;
            }
        }
    }
    let way = Way::Plain;
    let arrived = download(cx, &Job::of(&way, listed)).await?;
    Ok(Brought { way, arrived, missed })
}

/// Downloads a hint and makes the package of it. Fails only where the package as it is would fail
/// in the same way.
async fn take(cx: &Context, listed: &Listed, way: &Way) -> Result<Hint, FetchError> {
    let arrived = match download(cx, &Job::of(way, listed)).await {
        Ok(arrived) => arrived,
        Err(error) if error.is_absence() => return Ok(Hint::NotThere),
        Err(error @ (FetchError::Disk(_) | FetchError::Asked { .. })) => return Err(error),
        Err(error) => return Ok(Hint::Failed(chain(&error))),
    };
    match way.make(cx, signed(listed)).await {
        Ok(()) => Ok(Hint::Took(arrived)),
        Err(error) => Ok(Hint::Failed(chain(&error))),
    }
}
