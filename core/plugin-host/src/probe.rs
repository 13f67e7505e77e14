//! Asks an app for a page as a browser does that looks ahead of a visitor who is nobody in particular:
//! `GET`, no query, no cookie, `Sec-Purpose: prefetch` (Fetch Standard), so that an app which keeps
//! what was read keeps nothing of it. What the app asks of the outside meanwhile does not leave.
//! Judges only whether the app broke; what a page says is the app's own.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};

use crate::{
    app::{App, Failure, beginning_of},
    body::AppBody,
    egress::Outbound,
};

/// How much of a page is read.
const READ: usize = 1024 * 1024;

/// Why a page counts as broken. Completes "failed to answer: …". Its `path` is the beginning of the
/// page's, down to the first part below the app's own: the rest may open a door by itself.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The path is none that can be asked for.
    #[error("{path:?} cannot be asked for")]
    Path {
        /// The beginning of what was given.
        path: String,
    },
    /// The host answered in the app's place.
    #[error("GET {path} was answered {status}: {sentence}")]
    Failed {
        /// The page.
        path: String,
        /// The host's status.
        status: StatusCode,
        /// The host's words.
        sentence: &'static str,
    },
    /// The app answered with a fault of its own.
    #[error("GET {path} was answered {status}")]
    ServerError {
        /// The page.
        path: String,
        /// The app's status, 500 to 599.
        status: StatusCode,
    },
    /// The answer broke off.
    #[error("GET {path} broke off: {reason}")]
    BrokenOff {
        /// The page.
        path: String,
        /// Why.
        reason: String,
    },
    /// The answer did not begin in time.
    #[error("GET {path} was not answered within {} s", within.as_secs_f64())]
    TooSlow {
        /// The page.
        path: String,
        /// The time it had.
        within: Duration,
    },
}

impl App {
    /// Asks for the page at `path`, the host's path or the app's, and reads it for at most `within`
    /// from the beginning. A page that is still being written by then is well: it is only long.
    ///
    /// # Errors
    /// [`ProbeError`]: the app broke down, answered with 5xx, broke off, or gave no answer in time.
    pub async fn probe(&self, path: &str, within: Duration) -> Result<StatusCode, ProbeError> {
        let named = || beginning_of(path, &self.config().base_path);
        let request = Request::get(path)
            .header(header::HOST, "localhost")
            .header("sec-purpose", "prefetch")
            .extension(Outbound::PROBE)
            .body(Empty::<Bytes>::new())
            .map_err(|_| ProbeError::Path { path: named() })?;
        let end = tokio::time::Instant::now() + within;
        let Ok(response) = tokio::time::timeout_at(end, self.handle(request)).await else {
            return Err(ProbeError::TooSlow { path: named(), within });
        };
        let status = response.status();
        match response.extensions().get::<Failure>() {
            Some(failure) => {
                let sentence = failure.sentence();
                return Err(ProbeError::Failed { path: named(), status, sentence });
            }
            None if status.is_server_error() => {
                return Err(ProbeError::ServerError { path: named(), status });
            }
            None => {}
        }
        match tokio::time::timeout_at(end, read(response.into_body())).await {
            Ok(Ok(())) | Err(_) => Ok(status),
            Ok(Err(reason)) => Err(ProbeError::BrokenOff { path: named(), reason }),
        }
    }
}

/// Reads a page to its end, or to where it has shown enough.
async fn read(mut body: AppBody) -> Result<(), String> {
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| error.to_string())?;
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > READ {
            break;
        }
    }
    Ok(())
}
