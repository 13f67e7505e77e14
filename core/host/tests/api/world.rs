//! A small host with the app notes 1.0.0 installed and 2.0.0 on offer, and its API.

use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use newleaf::route::{Api, ApiParts, Caller, JobRefusal, Jobs, Vitals, alone};
use newleaf::shutdown::{Shutdown, ShutdownWatch};
use newleaf_domain::{JobName, PackageName};
use newleaf_update::port::fake::{Host, World};
use newleaf_update::view::JobEnd;
use newleaf_web::store::MemoryLinks;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// A host that is as well as it is said to be.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Option<&'static str>);

#[async_trait]
impl Vitals for Said {
    async fn ailment(&self) -> Option<String> {
        self.0.map(str::to_owned)
    }
}

/// Its one job `fetch` of `acme/notes` ends well; an update is in the way of `main`.
#[async_trait]
impl Jobs for Said {
    async fn run_now(&self, app: &PackageName, job: &JobName) -> Result<JobEnd, JobRefusal> {
        match (app.as_str(), job.as_str()) {
            ("acme/notes", "fetch") => Ok(JobEnd::Done),
            ("acme/notes", "main") => {
                Err(JobRefusal::Later { reason: "the app is being updated".to_owned() })
            }
            ("acme/notes", _) => Err(JobRefusal::NoJob),
            _ => Err(JobRefusal::NoApp),
        }
    }
}

/// The host and its API.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) host: Host,
    pub(crate) api: Api,
    pub(crate) shutdown: Shutdown,
}

impl Scene {
    /// Notes 1.0.0 can be installed.
    pub(crate) fn with_offer() -> Self {
        let world = World::new();
        world.publisher().app("acme/notes", "1.0.0", wants(4));
        world.publish();
        Self::over(world, Said(None))
    }

    /// Notes 1.0.0 is installed, and 2.0.0 asks for more.
    pub(crate) async fn with_update() -> Self {
        let scene = Self::with_offer();
        let report = scene.update("acme/notes").await;
        assert_eq!(report["ending"], "committed", "{report:#}");
        scene.world.publisher().app("acme/notes", "2.0.0", wants(16));
        scene.world.publish();
        let later = newleaf_domain::Clock::now(&*scene.world.clock).plus_seconds(3600);
        scene.world.clock.set(later);
        scene
    }

    /// A host of this world.
    pub(crate) fn over(world: World, vitals: Said) -> Self {
        let host = world.start();
        let (shutdown, watch) = Shutdown::new();
        let api = api(&world, &host, vitals, watch);
        Self { world, host, api, shutdown }
    }

    fn router(&self) -> Router {
        alone(&self.api, Caller { by: "cli:ada".to_owned() })
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        send(self.router(), request(Method::GET, path, None)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (StatusCode, Value) {
        send(self.router(), request(Method::POST, path, Some(body))).await
    }

    /// A new plan for `target`.
    pub(crate) async fn plan(&self, target: &str) -> Value {
        let (status, plan) = self.post("/api/v1/plan", json!({ "target": target })).await;
        assert_eq!(status, StatusCode::OK, "{plan:#}");
        plan
    }

    /// Says yes to a plan.
    pub(crate) async fn start(&self, plan: &Value) -> (StatusCode, Value) {
        self.post("/api/v1/update", json!({ "plan": plan["plan"]["id"], "consent": "given" })).await
    }

    /// The report of an update that was begun by `started`, once it is over.
    pub(crate) async fn end(&self, started: &Value) -> Value {
        let id = started["id"].as_str().unwrap().parse().unwrap();
        self.host.updater.finished(&id).await.unwrap().unwrap();
        self.get(started["link"].as_str().unwrap()).await.1
    }

    /// Updates to the newest version.
    pub(crate) async fn update(&self, target: &str) -> Value {
        let (status, started) = self.start(&self.plan(target).await).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{started:#}");
        self.end(&started).await
    }
}

fn api(world: &World, host: &Host, vitals: Said, shutdown: ShutdownWatch) -> Api {
    Api::new(ApiParts {
        jobs: Arc::new(Said(None)),
        updater: host.updater.clone(),
        links: Arc::new(MemoryLinks::default()),
        portal: Some("http://127.0.0.1:8081".to_owned()),
        clock: world.clock.clone(),
        vitals: Arc::new(vitals),
        shutdown,
    })
}

fn wants(mib: u64) -> Value {
    json!({ "schema": 1, "capabilities": [
        { "kind": "storage", "quota": mib << 20, "reason": "to keep your notes" }
    ] })
}

pub(crate) fn request(method: Method, path: &str, body: Option<Value>) -> Request<Body> {
    let request =
        Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8081");
    match body {
        Some(body) => {
            request.header(header::CONTENT_TYPE, "application/json").body(body.to_string().into())
        }
        None => request.body(Body::empty()),
    }
    .unwrap()
}

/// The answer's status, and its body as JSON where it has one.
pub(crate) async fn send(router: Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}
