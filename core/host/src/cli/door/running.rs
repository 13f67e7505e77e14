//! A host that runs: one HTTP/1.1 connection over `run/admin.sock` for each request.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::socket_of;
use crate::cli::owner;
use crate::route::{Kind, Problem};

/// How long the host may take to begin its answer. A plan refreshes metadata, whose own limit is
/// 60 s, and may read display texts after it.
const ANSWER_WITHIN: Duration = Duration::from_secs(150);

/// A host that answers on its socket.
#[derive(Debug)]
pub(crate) struct Running {
    socket: PathBuf,
}

impl Running {
    /// The host of `dir`; none where nobody listens.
    ///
    /// # Errors
    /// Somebody listens and this user may not ask.
    pub(super) async fn find(dir: &Path) -> Result<Option<Self>, Problem> {
        let socket = socket_of(dir);
        match UnixStream::connect(&socket).await {
            Ok(_) => Ok(Some(Self { socket })),
            Err(error) if nobody_listens(&error) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(owner::not_yours(dir))
            }
            Err(error) => Err(unreachable(&socket, &error)),
        }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let failed = |error: &dyn std::error::Error| unreachable(&self.socket, error);
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| failed(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| failed(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("connection to the host ended: {error}");
            }
        });
        match tokio::time::timeout(ANSWER_WITHIN, sender.send_request(request)).await {
            Ok(Ok(response)) => Ok(response.map(Body::new)),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(Problem::new(
                Kind::Unreachable,
                format!(
                    "get an answer on {} within {} s",
                    self.socket.display(),
                    ANSWER_WITHIN.as_secs()
                ),
            )),
        }
    }
}

fn nobody_listens(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn unreachable(socket: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::new(Kind::Unreachable, format!("ask the host on {}: {error}", socket.display()))
        .state("whether the host still serves is not known")
        .todo("look at the host's log; `newleaf status` tells when it answers again")
}
