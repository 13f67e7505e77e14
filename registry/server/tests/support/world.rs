//! A registry in a temporary folder, its worker running, and requests to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use newleaf_domain::{Clock, Digest, Timestamp};
use newleaf_keys::Quorums;
use newleaf_registry::{Dir, Registry, Settings, init, router, work};
use newleaf_registry_api::{ContentDigest, Problem, RoleTag, path};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt as _;

use super::author::{Author, Release};

/// A clock that the test moves.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::SeqCst))
    }
}

/// The time at which every test begins.
pub(crate) const START: Timestamp = Timestamp::from_unix(1_800_000_000);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn problem(&self) -> Problem {
        assert_eq!(self.headers["content-type"], "application/problem+json");
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// An opened registry with a running worker.
pub(crate) struct World {
    pub(crate) temp: tempfile::TempDir,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) routes: Router,
    pub(crate) token: String,
    settings: Settings,
    stop: watch::Sender<bool>,
    worker: tokio::task::JoinHandle<()>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings { batch_ms: 50, wait_seconds: 50, ..Settings::default() }).await
    }

    pub(crate) async fn start_with(settings: Settings) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("registry");
        init(&Dir::new(&dir), &temp.path().join("keys"), &Quorums::default(), START).await.unwrap();
        let token = make_token(&dir, "ada", &["--allow", "claim,publish,yank"]);
        let clock = Arc::new(TestClock(AtomicI64::new(START.unix())));
        Self::open(temp, clock, token, settings).await
    }

    async fn open(
        temp: tempfile::TempDir,
        clock: Arc<TestClock>,
        token: String,
        settings: Settings,
    ) -> Self {
        let dir = Dir::new(temp.path().join("registry"));
        let opened = Registry::open(dir, settings, Arc::clone(&clock) as Arc<dyn Clock>).await;
        let registry = Arc::new(opened.unwrap());
        let stop = watch::Sender::new(false);
        let worker = tokio::spawn(work(Arc::clone(&registry), stop.subscribe()));
        let routes = router(Arc::clone(&registry));
        Self { temp, clock, registry, routes, token, settings, stop, worker }
    }

    /// Ends the worker and opens the folder anew.
    pub(crate) async fn restart(self) -> Self {
        let Self { temp, clock, registry, routes, token, settings, stop, worker } = self;
        stop.send_replace(true);
        worker.await.unwrap();
        drop(routes);
        registry.close().await;
        assert!(Arc::into_inner(registry).is_some(), "somebody still holds the registry");
        Self::open(temp, clock, token, settings).await
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.temp.path().join("registry")
    }

    pub(crate) fn public(&self) -> PathBuf {
        self.dir().join("public")
    }

    pub(crate) fn root(&self) -> Vec<u8> {
        std::fs::read(self.dir().join("root.json")).unwrap()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub(crate) async fn claim(&self, author: &Author) -> Answer {
        let body = json!({
            "namespace": author.namespace, "keys": [author.key.public()], "threshold": 1,
        });
        self.post(path::NAMESPACES, &body).await
    }

    pub(crate) async fn upload(&self, path: &str, bytes: &[u8]) -> Answer {
        let request = Request::put(format!("/api/v1/targets/{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-digest", ContentDigest(Digest::of(bytes)).to_string());
        self.send(request.body(Body::from(bytes.to_vec())).unwrap()).await
    }

    pub(crate) async fn upload_all(&self, release: &Release) {
        for (path, bytes) in &release.files {
            let answer = self.upload(path, bytes).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{path}: {answer:?}");
        }
    }

    pub(crate) async fn send_role(&self, author: &Author, seen: u64, role: Vec<u8>) -> Answer {
        self.send_role_as(&self.token, author, seen, role).await
    }

    pub(crate) async fn send_role_as(
        &self,
        token: &str,
        author: &Author,
        seen: u64,
        role: Vec<u8>,
    ) -> Answer {
        let request = Request::put(path::role(&author.namespace))
            .header("authorization", format!("Bearer {token}"))
            .header("if-match", RoleTag(seen).to_string());
        self.send(request.body(Body::from(role)).unwrap()).await
    }

    /// Claims the author's namespace and publishes `releases` as her first role.
    pub(crate) async fn publish_first(&self, author: &Author, releases: &[&Release]) {
        assert_eq!(self.claim(author).await.status, StatusCode::CREATED);
        for release in releases {
            self.upload_all(release).await;
        }
        let answer = self.send_role(author, 0, author.role(1, releases, self.now())).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    }
}

/// Runs the binary; returns what it printed.
pub(crate) fn command(arguments: &[&str]) -> (bool, String, String) {
    let program = env!("CARGO_BIN_EXE_newleaf-registry");
    let output = Command::new(program).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// Runs the binary, which must succeed; returns what it printed.
pub(crate) fn succeed(arguments: &[&str]) -> String {
    let (is_done, out, err) = command(arguments);
    assert!(is_done, "{arguments:?}: {err}");
    out
}

/// Makes a token of the publisher called `name`, whom it creates where there is none.
pub(crate) fn make_token(dir: &Path, name: &str, more: &[&str]) -> String {
    let dir = dir.to_str().unwrap();
    command(&["publisher", "create", "--dir", dir, name]);
    succeed(&[&["token", "create", "--dir", dir, "--publisher", name], more].concat())
}
