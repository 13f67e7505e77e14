//! A host that runs: one HTTP/1.1 connection over `run/admin.sock` for each request.
//!
//! The launcher holds the socket whatever its worker does, so a connection alone says nothing: a
//! host that does not answer is told of after some seconds, and given up after a time that fits
//! what was asked.

use std::future::Future;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use newleaf_launcher::Layout;
use tokio::net::UnixStream;

use super::socket_of;
use crate::cli::owner;
use crate::route::{Kind, Problem};

/// How long the host may take to begin an answer, and when the silence is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Patience {
    word_after: Duration,
    at_most: Duration,
}

impl Patience {
    /// What is read on this machine alone.
    const LOOK: Self = Self::of(3, 15);
    /// What changes this machine alone; an app's data may take a while to go.
    const CHANGE: Self = Self::of(5, 60);
    /// What asks the repository, whose metadata may take 60 s; texts may be read after it.
    const REPOSITORY: Self = Self::of(15, 150);

    /// What copies the data and works on the copy, which takes as long as there is data.
    const REHEARSAL: Self = Self::of(15, 4 * 3600);

    /// What waits for a job of an app, which may run for five minutes.
    const JOB: Self = Self::of(15, 330);

    const fn of(word_after: u64, at_most: u64) -> Self {
        Self { word_after: Duration::from_secs(word_after), at_most: Duration::from_secs(at_most) }
    }

    fn with(request: &Request<Body>) -> Self {
        let path = request.uri().path().trim_start_matches("/api/v1/");
        match (request.method(), path) {
            (_, "preflight" | "check" | "plan" | "update" | "trust/accept") => Self::REPOSITORY,
            (_, "rehearse") => Self::REHEARSAL,
            (_, path) if path.starts_with("apps/") && path.ends_with("/run") => Self::JOB,
            (&Method::GET, _) | (_, "sign-in-links") => Self::LOOK,
            _ => Self::CHANGE,
        }
    }

    /// Waits for `answer`; tells once that it takes long, and gives nothing where it takes too long.
    async fn wait<F: Future>(self, answer: F, tell: impl FnOnce()) -> Option<F::Output> {
        let mut answer = std::pin::pin!(answer);
        if let Ok(answer) = tokio::time::timeout(self.word_after, &mut answer).await {
            return Some(answer);
        }
        tell();
        let left = self.at_most.saturating_sub(self.word_after);
        tokio::time::timeout(left, answer).await.ok()
    }
}

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
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(too_deep(dir)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(owner::not_yours(dir))
            }
            Err(error) => Err(unreachable(&socket, &error)),
        }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let patience = Patience::with(&request);
        self.send_within(request, patience).await
    }

    async fn send_within(
        &self,
        request: Request<Body>,
        patience: Patience,
    ) -> Result<Response<Body>, Problem> {
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
        match patience.wait(sender.send_request(request), || say_silent(patience)).await {
            Some(Ok(response)) => Ok(response.map(Body::new)),
            Some(Err(error)) => Err(failed(&error)),
            None => Err(silent(&self.socket, patience)),
        }
    }
}

/// Says on standard error that the host is slow; whether it is stuck shows in its log.
fn say_silent(Patience { word_after, at_most }: Patience) {
    let line = format!(
        "the host has not answered for {} s; waiting up to {} s (Ctrl-C ends only the waiting; \
         the host's log says what it does)\n",
        word_after.as_secs(),
        at_most.as_secs()
    );
    // Where nobody reads it, the error that follows still tells.
    drop(io::stderr().write_all(line.as_bytes()));
}

fn silent(socket: &Path, patience: Patience) -> Problem {
    let within = patience.at_most.as_secs_f32();
    Problem::new(
        Kind::Unreachable,
        format!("get an answer on {} within {within} s", socket.display()),
    )
    .state("the host's socket is open, and nobody answers on it")
    .done(NOT_KNOWN)
    .todo("look at the host's log; where it says nothing new, restart the service")
}

/// What was done about a question that got no answer: the host may have carried it out.
pub(super) const NOT_KNOWN: &str =
    "what the host did of it is not known here; what it did stands in its journal";

fn nobody_listens(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// The host was moved to a place whose sockets have too long paths.
fn too_deep(dir: &Path) -> Problem {
    let shown = dir.display();
    let (socket, allowed) = (socket_of(dir), Layout::new(dir).socket_too_long());
    let allowed =
        allowed.map_or_else(String::new, |(_, bytes)| format!(" of more than {bytes} bytes"));
    Problem::new(Kind::Blocked, format!("ask the host on {}: a path{allowed}", socket.display()))
        .state(format!("whether a host runs in {shown} is not known"))
        .todo("move the host's folder to a shorter place, such as /srv/newleaf")
}

fn unreachable(socket: &Path, error: &dyn std::error::Error) -> Problem {
    Problem::new(Kind::Unreachable, format!("ask the host on {}: {error}", socket.display()))
        .state("whether the host still serves is not known")
        .done(NOT_KNOWN)
        .todo("look at the host's log; `newleaf status` tells when it answers again")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience(method: Method, path: &str) -> Patience {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        Patience::with(&request)
    }

    #[test]
    fn each_kind_of_request_is_waited_for_as_long_as_it_may_take() {
        for path in ["/api/v1/status", "/api/v1/history", "/api/v1/updates/1/events"] {
            assert_eq!(patience(Method::GET, path), Patience::LOOK, "{path}");
        }
        for path in ["/api/v1/rollback", "/api/v1/apps/acme/notes/remove"] {
            assert_eq!(patience(Method::POST, path), Patience::CHANGE, "{path}");
        }
        for path in ["/api/v1/check", "/api/v1/plan", "/api/v1/update"] {
            assert_eq!(patience(Method::POST, path), Patience::REPOSITORY, "{path}");
        }
        assert_eq!(patience(Method::GET, "/api/v1/preflight?target=core"), Patience::REPOSITORY);
    }

    #[tokio::test]
    async fn a_silent_host_is_told_of_and_then_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("admin.sock");
        // It holds the socket, as a launcher does, and never accepts.
        let _launcher = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let running = Running { socket };
        let short = Duration::from_millis(20);
        let patience = Patience { word_after: short, at_most: 2 * short };
        let request = Request::builder().uri("/api/v1/status").body(Body::empty()).unwrap();
        let problem = running.send_within(request, patience).await.unwrap_err();
        assert!(problem.is(Kind::Unreachable));
        assert!(problem.detail.contains("admin.sock within 0.04 s"), "{}", problem.detail);
        let mut told = 0;
        let never = patience.wait(std::future::pending::<()>(), || told += 1).await;
        assert_eq!((never, told), (None, 1));
        let at_once = patience.wait(std::future::ready(7), || told += 1).await;
        assert_eq!((at_once, told), (Some(7), 1), "an answer in time is no silence");
    }
}
