//! An author's role: the current one to read, the next one to send.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode};
use newleaf_domain::Namespace;
use newleaf_registry_api::{
    Action, Code, Problem, PublishedRole, RoleTag, Submission, SubmissionState, path,
};
use newleaf_trust::Limits;
use newleaf_trust::layout::author_role;
use newleaf_trust::role::{MetadataVersion, Signed, TargetsRole};
use tokio::time::Instant;

use super::auth::{SignedIn, require_owner};
use super::refusal::Refusal;
use crate::db;
use crate::publish::{Receipt, ReceiveError, decision, receive};
use crate::registry::Registry;

/// `GET /api/v1/roles/pub.{ns}.json`
pub(super) async fn current(
    State(registry): State<Arc<Registry>>,
    Path(file): Path<String>,
) -> Result<Response, Refusal> {
    let role = author_role(&namespace_of(&file)?);
    let found = db::role(&mut *registry.db.read().await?, &role).await?;
    let found = found.ok_or_else(|| {
        Problem::new(Code::NotFound, format!("{role} has no version yet"))
            .hint("send version 1 with `If-Match: \"0\"`")
            .current(0)
    })?;
    let tag = RoleTag(found.version.get()).to_string();
    let tag = HeaderValue::try_from(tag).map_err(|error| Refusal::internal(&error))?;
    let headers = [
        (ETAG, tag),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
    ];
    Ok((headers, found.file).into_response())
}

/// `PUT /api/v1/roles/pub.{ns}.json`
pub(super) async fn publish(
    State(registry): State<Arc<Registry>>,
    Path(file): Path<String>,
    bearer: SignedIn,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let namespace = namespace_of(&file)?;
    let seen = seen_version(&headers)?;
    bearer.require_action(Action::Publish)?;
    require_owner(&registry, &bearer, &namespace).await?;
    let body = body?;
    let role = author_role(&namespace);
    let version = version_of(&role, &body)?;
    check_follows(&role, seen, version)?;
    let names = bearer.0.scope.names();
    let deadline = Instant::now() + registry.settings.wait();
    let received = receive(&registry.db, &role, version, names, &body, registry.now()).await;
    let id = match received.map_err(refuse)? {
        Receipt::Current => return Ok(published(role, version.get())),
        Receipt::Queued(id) => id,
    };
    match decision(&registry, id, deadline).await? {
        Some(submission) => answer(submission),
        None => Err(unknown_submission()),
    }
}

/// `GET /api/v1/submissions/{id}`
pub(super) async fn submission(
    State(registry): State<Arc<Registry>>,
    Path(id): Path<String>,
) -> Result<Json<Submission>, Refusal> {
    let id = id.parse().map_err(|_| unknown_submission())?;
    let found = db::submission(&mut *registry.db.read().await?, id).await?;
    Ok(Json(found.ok_or_else(unknown_submission)?))
}

fn unknown_submission() -> Refusal {
    Refusal(Problem::new(Code::NotFound, "no role was sent under this number"))
}

fn namespace_of(file: &str) -> Result<Namespace, Refusal> {
    let not_a_role = || Problem::new(Code::NotFound, format!("{file:?} is no author's role"));
    Ok(path::namespace_of(file).ok_or_else(not_a_role)?)
}

/// The version the sender has seen (RFC 9110 §13.1.1; RFC 6585 §3 where she does not say).
fn seen_version(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(header) = headers.get(IF_MATCH) else {
        return Err(Problem::new(Code::PreconditionRequired, "the header If-Match is missing")
            .at("If-Match")
            .hint(
                "send the entity tag of the version that this one follows; \"0\" for the first",
            ));
    };
    let tag = RoleTag::parse(header.to_str().unwrap_or_default());
    let RoleTag(version) = tag.map_err(|error| {
        Problem::new(Code::PreconditionFailed, error.to_string()).at("If-Match")
    })?;
    Ok(version)
}

fn version_of(role: &str, body: &[u8]) -> Result<MetadataVersion, Problem> {
    let file = format!("{role}.json");
    Signed::<TargetsRole>::parse(&file, body, &Limits::default())
        .map(|signed| signed.body.header.version)
        .map_err(|error| {
            Problem::new(Code::RoleRefused, error.to_string()).at("signed").hint(error.hint())
        })
}

fn check_follows(role: &str, seen: u64, version: MetadataVersion) -> Result<(), Problem> {
    if seen.checked_add(1) == Some(version.get()) {
        return Ok(());
    }
    Err(Problem::new(
        Code::VersionConflict,
        format!("{role} has version {version}, but the one that follows {seen} is needed"),
    )
    .at("signed.version")
    .hint("sign the version that follows the one in If-Match"))
}

fn refuse(error: ReceiveError) -> Refusal {
    match error {
        ReceiveError::Conflict { current, .. } | ReceiveError::Pending { current, .. } => Refusal(
            Problem::new(Code::VersionConflict, error.to_string())
                .at("signed.version")
                .hint("read the role again, add the release to it, sign and send that")
                .current(current),
        ),
        ReceiveError::Db(error) => error.into(),
    }
}

fn answer(submission: Submission) -> Result<Response, Refusal> {
    match submission.state {
        SubmissionState::Published => Ok(published(submission.role, submission.version)),
        SubmissionState::Rejected => Err(Refusal(
            submission
                .problem
                .unwrap_or_else(|| Problem::new(Code::RoleRefused, "the role was refused")),
        )),
        SubmissionState::Validating | SubmissionState::Accepted => {
            let location = [(LOCATION, path::submission(submission.id))];
            Ok((StatusCode::ACCEPTED, location, Json(submission)).into_response())
        }
    }
}

fn published(role: String, version: u64) -> Response {
    let tag = [(ETAG, RoleTag(version).to_string())];
    (StatusCode::CREATED, tag, Json(PublishedRole { role, version })).into_response()
}
