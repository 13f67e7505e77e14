//! Moves one file into `downloads`, resuming where an earlier try stopped, from whichever source
//! serves it.

use futures_util::StreamExt;
use newleaf_domain::{ByteSize, Digest};
use newleaf_launcher::journal::StepId;
use tokio::time::Instant;

use super::error::FetchError;
use super::throttle::Throttle;
use super::turns::{Bounds, Next, Turns};
use crate::explain::chain;
use crate::port::{Body, Download, Length, Partial, Place, Resume, Wanted};
use crate::run::Context;
use crate::view::Unit;

/// A file to bring.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// What it is kept as.
    pub(super) download: Download,
    /// The tree it stands in.
    pub(super) place: Place,
    /// Its path there.
    pub(super) path: String,
    /// How long it is or may be.
    pub(super) length: Length,
    /// The digest of its bytes, where that is signed.
    pub(super) digest: Option<Digest>,
}

/// A file that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrived {
    /// Its length.
    pub(super) length: ByteSize,
    /// What of it an earlier update had left here.
    pub(super) kept: ByteSize,
}

/// Tries until all is there, or an error remains that neither waiting nor another source mends.
pub(super) async fn download(cx: &Context, job: &Job) -> Result<Arrived, FetchError> {
    let kept = open(cx, job).await?.length();
    let settings = cx.updater.settings();
    let mut turns = Turns::new(Bounds {
        sources: cx.updater.ports().repository.sources(),
        tries: settings.fetch_tries,
        pause: settings.retry_pause,
        patience: settings.patience,
    });
    let mut resumed = ByteSize::bytes(0);
    loop {
        let error = match attempt(cx, job, turns.source(), &mut resumed).await {
            Ok(length) => return Ok(Arrived { length, kept: kept.min(resumed) }),
            Err(error) => error,
        };
        if job.digest.is_none() && error.is_foreign() {
            // Some servers have a page for whatever they do not have.
            return Err(error);
        }
        if matches!(error, FetchError::OtherBytes { .. }) && resumed > ByteSize::bytes(0) {
            // The bytes from before may be to blame; this source's own come next.
            resumed = ByteSize::bytes(0);
            continue;
        }
        let next = turns.failed(&error, Instant::now(), jitter(cx, turns.tries()));
        tracing::debug!(update = %cx.id, path = job.path, ?next, error = chain(&error), "a download failed");
        match next {
            Next::Now => {}
            Next::After(pause) => tokio::time::sleep(pause).await,
            Next::Never => return given_up(cx, job, error).await,
            Next::Asked(wait) => {
                let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
                let until = cx.updater.ports().clock.now().plus_seconds(seconds);
                return Err(FetchError::Asked { until, reason: chain(&error) });
            }
        }
    }
}

/// Bytes of the right length that are not the signed ones are left to `verify`, which says so.
async fn given_up(cx: &Context, job: &Job, error: FetchError) -> Result<Arrived, FetchError> {
    if !matches!(error, FetchError::OtherBytes { .. }) {
        return Err(error);
    }
    let partial = open(cx, job).await?;
    let length = partial.length();
    partial.finish().await.map_err(FetchError::Disk)?;
    Ok(Arrived { length, kept: ByteSize::bytes(0) })
}

async fn open(cx: &Context, job: &Job) -> Result<Box<dyn Partial>, FetchError> {
    cx.updater.ports().slots.partial(job.download).await.map_err(FetchError::Disk)
}

/// Spreads the pauses of many hosts: each update has an id of its own.
fn jitter(cx: &Context, tries: u32) -> u8 {
    Digest::of(format!("{} {tries}", cx.id).as_bytes()).as_bytes()[0]
}

/// Asks one source once. `resumed` becomes the offset at which it took the download up.
async fn attempt(
    cx: &Context,
    job: &Job,
    source: usize,
    resumed: &mut ByteSize,
) -> Result<ByteSize, FetchError> {
    let mut partial = open(cx, job).await?;
    if is_useless(job, partial.as_ref()) {
        partial.restart(None).await.map_err(FetchError::Disk)?;
    }
    if job.digest.is_some() && job.length.allows(partial.length()) {
        *resumed = partial.length();
    } else {
        let wanted = Wanted {
            source,
            place: job.place,
            path: job.path.clone(),
            length: job.length,
            resume: resume_of(partial.as_ref()),
        };
        let body = cx.updater.ports().repository.open(&wanted).await;
        let body = body.map_err(FetchError::Repository)?;
        *resumed = body.offset;
        take(cx, job, body, partial.as_mut()).await?;
    }
    let length = partial.length();
    if job.digest.is_some_and(|signed| signed != partial.sha256()) {
        return Err(FetchError::OtherBytes { path: job.path.clone() });
    }
    partial.finish().await.map_err(FetchError::Disk)?;
    Ok(length)
}

/// Whether what is here cannot become the file: more than it, or as much with other bytes.
fn is_useless(job: &Job, partial: &dyn Partial) -> bool {
    let is_whole = partial.length() >= job.length.most();
    partial.length() > job.length.most()
        || (is_whole && job.digest.is_some_and(|signed| signed != partial.sha256()))
}

fn resume_of(partial: &dyn Partial) -> Option<Resume> {
    let offset = partial.length();
    let etag = partial.etag()?;
    (offset > ByteSize::bytes(0)).then_some(Resume { offset, etag })
}

/// Takes the stream to its end, which must come where it was announced.
async fn take(
    cx: &Context,
    job: &Job,
    mut body: Body,
    partial: &mut dyn Partial,
) -> Result<(), FetchError> {
    let path = || job.path.clone();
    if body.offset != partial.length() || body.offset == ByteSize::bytes(0) {
        partial.restart(body.etag.clone()).await.map_err(FetchError::Disk)?;
    }
    let (most, total) = (job.length.most(), body.total);
    let expected = match job.length {
        Length::Exactly(signed) => Some(signed),
        Length::AtMost(_) => total,
    };
    let settings = cx.updater.settings();
    let mut throttle = Throttle::new(settings.rate);
    loop {
        let actual = partial.length();
        let chunk = match tokio::time::timeout(settings.stall, body.chunks.next()).await {
            Err(_) => {
                let seconds = settings.stall.as_secs();
                return Err(FetchError::Stalled { path: path(), actual, seconds });
            }
            Ok(None) => {
                let total = expected.unwrap_or(actual);
                let is_whole = actual == total;
                return if is_whole {
                    Ok(())
                } else {
                    Err(FetchError::Short { path: path(), actual, total })
                };
            }
            Ok(Some(chunk)) => chunk.map_err(FetchError::Repository)?,
        };
        let count = chunk.len();
        if actual.as_u64() + count as u64 > most.as_u64() {
            partial.restart(None).await.map_err(FetchError::Disk)?;
            return Err(FetchError::TooLong { path: path(), most });
        }
        partial.append(chunk).await.map_err(FetchError::Disk)?;
        let now = partial.length().as_u64();
        cx.progress(StepId::Fetch, now, expected.map(ByteSize::as_u64), Unit::Bytes);
        throttle.took(count).await;
    }
}
