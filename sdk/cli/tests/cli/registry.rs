//! A registry in memory behind the real paths, that answers as the test wants.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use newleaf_domain::{Digest, Namespace, Timestamp};
use newleaf_registry_api::{
    CONTENT_DIGEST, ClaimNamespace, Code, ContentDigest, NamespaceEntry, NamespaceLevel, Problem,
    PublishedRole, RoleTag, Submission, SubmissionState, path,
};
use newleaf_trust::role::{MetadataVersion, TargetsRole};
use newleaf_trust::{KeyPair, sign_role};

/// The token that this registry gave out.
pub(crate) const TOKEN: &str =
    "newleaf_00000000000000000000000000000000000000000000000000000000000000aa";

/// What the registry holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub(crate) namespaces: BTreeMap<Namespace, NamespaceEntry>,
    /// The current version and bytes of each role file.
    pub(crate) roles: BTreeMap<String, (u64, Vec<u8>)>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// How many roles are still to be answered with 409, because a rival was first.
    pub(crate) conflicts: u32,
    /// The author's key in the hands of a rival, such as another build machine.
    pub(crate) rival: Option<KeyPair>,
    /// Roles that were sent.
    pub(crate) sent: u32,
    /// Answers a role with 202, and decides when it is asked after.
    pub(crate) decides_later: bool,
    /// Decides against it then.
    pub(crate) rejects: bool,
    /// Answers 200 with a page, as a proxy does.
    pub(crate) talks_nonsense: bool,
    waiting: Option<(String, Vec<u8>)>,
}

impl Held {
    /// The next version of a role, in which nothing else is new.
    fn publish_for_rival(&mut self, file: &str) {
        let Some(key) = &self.rival else { return };
        let current = self.roles.get(file).map_or(0, |(version, _)| *version);
        let version = MetadataVersion::new(current + 1).unwrap();
        let role = TargetsRole::new(version, Timestamp::from_unix(4_000_000_000));
        self.roles.insert(file.to_owned(), (version.get(), sign_role(&role, &[key]).unwrap()));
    }
}

type Shared = Arc<Mutex<Held>>;

/// A registry on a port of this machine, until it is dropped.
#[derive(Debug)]
pub(crate) struct FakeRegistry {
    held: Shared,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl FakeRegistry {
    pub(crate) fn start() -> Self {
        let held = Shared::default();
        let router = Router::new()
            .route(path::NAMESPACES, post(claim))
            .route(path::NAMESPACE, get(namespace))
            .route(path::ROLE, get(role).put(publish))
            .route(path::SUBMISSION, get(submission))
            .route(path::TARGET, put(upload))
            .with_state(held.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { held, address, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }
}

fn no(code: Code, detail: &str) -> Response {
    let status = StatusCode::from_u16(code.status()).unwrap();
    (status, Json(Problem::new(code, detail).hint("the registry's own advice"))).into_response()
}

fn signed_in(headers: &HeaderMap) -> bool {
    headers.get(header::AUTHORIZATION).is_some_and(|it| it == format!("Bearer {TOKEN}").as_str())
}

async fn namespace(State(held): State<Shared>, Path(name): Path<String>) -> Response {
    let held = held.lock().unwrap();
    if held.talks_nonsense {
        return "<h1>Welcome to the wireless network</h1>".into_response();
    }
    match held.namespaces.get(&name.parse::<Namespace>().unwrap()) {
        Some(entry) => Json(entry).into_response(),
        None => no(Code::NotFound, "nobody has it"),
    }
}

async fn claim(
    State(held): State<Shared>,
    headers: HeaderMap,
    Json(claim): Json<ClaimNamespace>,
) -> Response {
    if !signed_in(&headers) {
        return no(Code::NotSignedIn, "the token is not known");
    }
    let ClaimNamespace { namespace, keys, threshold } = claim;
    let level = NamespaceLevel::Fresh;
    let entry = NamespaceEntry { namespace: namespace.clone(), level, keys, threshold, version: 0 };
    held.lock().unwrap().namespaces.insert(namespace, entry.clone());
    (StatusCode::CREATED, Json(entry)).into_response()
}

async fn role(State(held): State<Shared>, Path(file): Path<String>) -> Response {
    match held.lock().unwrap().roles.get(&file) {
        Some((version, bytes)) => {
            ([(header::ETAG, RoleTag(*version).to_string())], bytes.clone()).into_response()
        }
        None => no(Code::NotFound, "there is no role yet"),
    }
}

async fn upload(
    State(held): State<Shared>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let stated = ContentDigest::parse(headers[CONTENT_DIGEST].to_str().unwrap()).unwrap();
    if stated.0 != Digest::of(&body) {
        return no(Code::DigestMismatch, "other bytes");
    }
    held.lock().unwrap().files.insert(path, body.to_vec());
    StatusCode::CREATED.into_response()
}

async fn publish(
    State(held): State<Shared>,
    Path(file): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut held = held.lock().unwrap();
    held.sent += 1;
    let seen = RoleTag::parse(headers[header::IF_MATCH].to_str().unwrap()).unwrap();
    let current = held.roles.get(&file).map_or(0, |(version, _)| *version);
    if held.conflicts > 0 {
        held.conflicts -= 1;
        held.publish_for_rival(&file);
        return no(Code::VersionConflict, "another version is current");
    }
    if seen.0 != current {
        return no(Code::PreconditionFailed, "that version was never current");
    }
    let version = current + 1;
    if held.decides_later {
        held.waiting = Some((file, body.to_vec()));
        let waits = submitted(version, SubmissionState::Validating, None);
        return (StatusCode::ACCEPTED, Json(waits)).into_response();
    }
    held.roles.insert(file, (version, body.to_vec()));
    (StatusCode::CREATED, Json(PublishedRole { role: "pub.acme".to_owned(), version }))
        .into_response()
}

async fn submission(State(held): State<Shared>) -> Json<Submission> {
    let mut held = held.lock().unwrap();
    let (file, role) = held.waiting.take().unwrap();
    if held.rejects {
        let problem = Problem::new(Code::RoleRefused, "the role breaks a rule of the test");
        return Json(submitted(1, SubmissionState::Rejected, Some(problem)));
    }
    held.roles.insert(file, (1, role));
    Json(submitted(1, SubmissionState::Published, None))
}

fn submitted(version: u64, state: SubmissionState, problem: Option<Problem>) -> Submission {
    let (role, received) = ("pub.acme".to_owned(), Timestamp::from_unix(1_800_000_000));
    Submission { id: 7, role, version, received, state, problem }
}
