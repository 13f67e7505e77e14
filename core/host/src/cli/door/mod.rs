//! The way of a command to its host: the API, over `run/admin.sock` where a host runs, and in this
//! very process where none does. Commands cannot tell the difference.

mod alone;
mod running;
mod sse;

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header::CONTENT_TYPE};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use newleaf_launcher::offline::Purpose;
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::alone::Alone;
pub(crate) use self::alone::become_good;
use self::running::Running;
pub(crate) use self::sse::{Events, NextEvent};
use crate::Product;
use crate::cli::standing;
use crate::route::{Kind, Problem};

/// The largest answer that is read whole.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The way to a host.
#[derive(Debug)]
pub(crate) enum Door {
    /// A host runs and answers on its socket.
    Running(Running),
    /// None runs: this process holds the folder's lock and answers itself.
    Alone(Box<Alone>),
}

impl Door {
    /// Finds the host of `dir`, or takes its place while the command runs.
    ///
    /// # Errors
    /// The folder is no host, it is another user's, or another process is at work in it.
    pub(crate) async fn open(
        product: &'static Product,
        dir: &Path,
        purpose: Purpose,
    ) -> Result<Self, Problem> {
        match Running::find(dir).await? {
            Some(running) => Ok(Self::Running(running)),
            None => Ok(Self::Alone(Box::new(Alone::take(product, dir, purpose).await?))),
        }
    }

    /// Brings the core of `dir` anew where no host runs on it and its program is damaged, and says
    /// so; none where there is nothing to mend.
    ///
    /// # Errors
    /// It is damaged, and cannot be brought anew.
    pub(crate) async fn mend(
        product: &'static Product,
        dir: &Path,
    ) -> Result<Option<String>, Problem> {
        Alone::mend(product, dir).await
    }

    /// Finds the host of `dir` that runs; none where none does.
    ///
    /// # Errors
    /// It is another user's, or its socket cannot be asked.
    pub(crate) async fn running(dir: &Path) -> Result<Option<Self>, Problem> {
        Ok(Running::find(dir).await?.map(Self::Running))
    }

    /// Asks for what stands at `path`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        read(self.send(request(Method::GET, path, None)?).await?).await
    }

    /// Sends `body` to `path`.
    pub(crate) async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Problem> {
        let json = serde_json::to_vec(body).map_err(|error| not_understood(&error))?;
        read(self.send(request(Method::POST, path, Some(json.into()))?).await?).await
    }

    /// The events of an update, from the one after `after` on.
    pub(crate) async fn events(&self, path: &str, after: u64) -> Result<Events, Problem> {
        let mut request = request(Method::GET, path, None)?;
        request.headers_mut().insert("last-event-id", after.into());
        let response = self.send(request).await?;
        match response.status() {
            StatusCode::OK => Ok(Events::new(response.into_body())),
            _ => Err(problem_of(response).await),
        }
    }

    /// `problem`, which says how things stand.
    pub(crate) fn tell(&self, problem: Problem) -> Problem {
        match self {
            _ if problem.state != Problem::UNTOLD => problem,
            Self::Running(_) => problem.state("the host goes on as before"),
            Self::Alone(alone) => problem.state(standing::stopped(alone.dir())),
        }
    }

    /// Whether a break of the connection may be a switch of core, after which the host answers again.
    pub(crate) const fn may_come_back(&self) -> bool {
        matches!(self, Self::Running(_))
    }

    async fn send(&self, request: Request<Body>) -> Result<http::Response<Body>, Problem> {
        match self {
            Self::Running(running) => running.send(request).await,
            Self::Alone(alone) => alone.send(request).await,
        }
    }
}

fn request(method: Method, path: &str, json: Option<Bytes>) -> Result<Request<Body>, Problem> {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    if json.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let body = json.map_or_else(Body::empty, Body::from);
    request
        .body(body)
        .map_err(|error| Problem::new(Kind::Malformed, format!("ask for {path}: {error}")))
}

async fn read<T: DeserializeOwned>(response: http::Response<Body>) -> Result<T, Problem> {
    if !response.status().is_success() {
        return Err(problem_of(response).await);
    }
    let bytes = whole(response.into_body()).await?;
    let bytes = if bytes.is_empty() { Bytes::from_static(b"null") } else { bytes };
    serde_json::from_slice(&bytes).map_err(|error| not_understood(&error))
}

async fn problem_of(response: http::Response<Body>) -> Problem {
    let status = response.status();
    match whole(response.into_body()).await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|_| no_document(status)),
        Err(problem) => problem,
    }
}

/// An answer that is none of the API's: where no version can be started, the recovery page answers.
fn no_document(status: StatusCode) -> Problem {
    let problem = Problem::new(Kind::Failed, format!("get an answer of the API: it was {status}"));
    match status {
        StatusCode::SERVICE_UNAVAILABLE => problem
            .state("the host runs and no version of core could be started")
            .todo("open its recovery page: newleaf recovery-link"),
        _ => problem,
    }
}

async fn whole(body: Body) -> Result<Bytes, Problem> {
    let collected = Limited::new(body, MAX_ANSWER).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        Problem::new(Kind::Unreachable, format!("read the host's answer: {error}"))
            .state("whether the host still serves is not known")
            .done(running::NOT_KNOWN)
            .todo("try again; `newleaf status` shows whether the host runs")
    })
}

fn not_understood(error: &serde_json::Error) -> Problem {
    Problem::new(Kind::Failed, format!("understand the host's answer: {error}"))
        .todo("use the program of the version that runs: `newleaf status` names it")
}

/// Path of the socket on which the host of `dir` answers its owner.
pub(crate) fn socket_of(dir: &Path) -> PathBuf {
    dir.join("run").join("admin.sock")
}
