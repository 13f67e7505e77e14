//! Moves a package from the repository to `downloads`, resuming where it stopped.
//! Never takes more than the signed length, never looks at the bytes: `verify` does that.

use std::time::Instant;

use futures_util::StreamExt;
use newleaf_domain::ByteSize;
use newleaf_launcher::journal::StepId;

use crate::explain::chain;
use crate::port::{Body, Partial, RepositoryError, Resume, SlotError};
use crate::proof::{Fetched, Listed};
use crate::run::{Broken, Context, Passed, StepResult};
use crate::view::Unit;

/// Why a download did not come to its end.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the package could not be fetched")]
    Repository(#[source] RepositoryError),
    #[error("the package could not be kept")]
    Disk(#[source] SlotError),
    #[error("artifact {path} is longer than its signed length of {signed}")]
    TooLong { path: String, signed: ByteSize },
    #[error("artifact {path} ended at {actual}, but its signed length is {signed}")]
    Short { path: String, actual: ByteSize, signed: ByteSize },
    #[error("artifact {path} stood still for {seconds} s at {actual} of {signed}")]
    Stalled { path: String, actual: ByteSize, signed: ByteSize, seconds: u64 },
}

impl FetchError {
    /// Whether another try may help; what came so far is kept for it.
    const fn is_passing(&self) -> bool {
        match self {
            Self::Repository(error) => error.is_passing(),
            Self::Short { .. } | Self::Stalled { .. } => true,
            Self::Disk(_) | Self::TooLong { .. } => false,
        }
    }

    const fn todo(&self) -> &'static str {
        match self {
            Self::Disk(_) => "make room or mend the folder's permissions, then try again",
            Self::TooLong { .. } => {
                "the mirror may be stale or hostile; try again or choose another"
            }
            Self::Repository(_) | Self::Short { .. } | Self::Stalled { .. } => {
                "check the network and the repository, then try again; what came is kept"
            }
        }
    }
}

/// Downloads the package, unless all of it is there.
pub(crate) async fn run(cx: Context, listed: Listed) -> StepResult<Fetched> {
    let signed = listed.change().length;
    let slots = &cx.updater.ports().slots;
    let there = slots.measure(listed.change().digest).await;
    if matches!(there, Ok(Some(file)) if file.length == signed && file.sha256 == listed.change().digest)
    {
        return Ok(Passed::skipped(Fetched::new(listed), "it is downloaded already"));
    }
    let begun = Instant::now();
    download(&cx, &listed).await.map_err(|error| Broken::machine(&error, error.todo()))?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Passed::done(Fetched::new(listed), format!("{signed} in {seconds:.1} s")))
}

/// Tries until all is there, or an error remains that waiting does not mend.
async fn download(cx: &Context, listed: &Listed) -> Result<(), FetchError> {
    let settings = cx.updater.settings();
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt(cx, listed).await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_passing() && tries < settings.fetch_tries => {
                tracing::info!(update = %cx.id, tries, error = chain(&error), "the download broke off; trying again");
                tokio::time::sleep(settings.retry_pause.saturating_mul(tries)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn attempt(cx: &Context, listed: &Listed) -> Result<(), FetchError> {
    let ports = cx.updater.ports();
    let signed = listed.change().length;
    let mut partial =
        ports.slots.partial(listed.change().digest).await.map_err(FetchError::Disk)?;
    if partial.length() > signed {
        partial.restart(None).await.map_err(FetchError::Disk)?;
    }
    if partial.length() < signed {
        let resume = resume_of(partial.as_ref());
        let path = listed.file().stored_path();
        let body =
            ports.repository.open(&path, signed, resume).await.map_err(FetchError::Repository)?;
        take(cx, listed, body, partial.as_mut()).await?;
    }
    partial.finish().await.map_err(FetchError::Disk)
}

fn resume_of(partial: &dyn Partial) -> Option<Resume> {
    let offset = partial.length();
    let etag = partial.etag()?;
    (offset > ByteSize::bytes(0)).then_some(Resume { offset, etag })
}

/// Takes the stream to its end; all of it must come to exactly the signed length.
async fn take(
    cx: &Context,
    listed: &Listed,
    mut body: Body,
    partial: &mut dyn Partial,
) -> Result<(), FetchError> {
    let (path, signed) = (listed.file().path.clone(), listed.change().length);
    if body.offset != partial.length() || body.offset == ByteSize::bytes(0) {
        partial.restart(body.etag.clone()).await.map_err(FetchError::Disk)?;
    }
    let stall = cx.updater.settings().stall;
    loop {
        let actual = partial.length();
        let chunk = match tokio::time::timeout(stall, body.chunks.next()).await {
            Err(_) => {
                return Err(FetchError::Stalled { path, actual, signed, seconds: stall.as_secs() });
            }
            Ok(None) if actual == signed => return Ok(()),
            Ok(None) => return Err(FetchError::Short { path, actual, signed }),
            Ok(Some(chunk)) => chunk.map_err(FetchError::Repository)?,
        };
        if actual.as_u64() + chunk.len() as u64 > signed.as_u64() {
            partial.restart(None).await.map_err(FetchError::Disk)?;
            return Err(FetchError::TooLong { path, signed });
        }
        partial.append(chunk).await.map_err(FetchError::Disk)?;
        let now = partial.length().as_u64();
        cx.progress(StepId::Fetch, now, Some(signed.as_u64()), Unit::Bytes);
    }
}
