//! Uploads of a release's files. What is uploaded is kept aside until a role lists it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};
use newleaf_domain::ByteSize;
use newleaf_registry_api::{
    Action, CONTENT_DIGEST, Code, ContentDigest, Problem, ReleaseFile, StoredFile,
};

use super::auth::{SignedIn, require_owner};
use super::refusal::Refusal;
use crate::object::ReceiveError;
use crate::registry::Registry;

/// `PUT /api/v1/targets/{*path}`
pub(super) async fn upload(
    State(registry): State<Arc<Registry>>,
    Path(path): Path<String>,
    bearer: SignedIn,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<StoredFile>), Refusal> {
    let file = ReleaseFile::parse(&path)?;
    let ContentDigest(sha256) = announced(&headers)?;
    bearer.require_app(Action::Publish, &file.app)?;
    require_owner(&registry, &bearer, &file.namespace()).await?;
    let limit = file.kind.limit();
    check_announced_length(&headers, limit)?;
    let received = registry.objects.receive(body, sha256, limit).await;
    let length = received.map_err(|error| refuse(&error))?;
    Ok((StatusCode::CREATED, Json(StoredFile { path, length, sha256 })))
}

fn announced(headers: &HeaderMap) -> Result<ContentDigest, Refusal> {
    let header = headers.get(CONTENT_DIGEST).and_then(|value| value.to_str().ok());
    let missing = || {
        Problem::new(Code::Malformed, "the header Content-Digest is missing")
            .at("Content-Digest")
            .hint("send `Content-Digest: sha-256=:<base64>:` (RFC 9530)")
    };
    Ok(ContentDigest::parse(header.ok_or_else(missing)?)?)
}

/// Refuses an upload that says itself that it is too long, before a byte of it is stored.
fn check_announced_length(headers: &HeaderMap, limit: ByteSize) -> Result<(), Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    match length.map(ByteSize::bytes) {
        Some(length) if length > limit => {
            Err(too_large(format!("the body is {length}, more than {limit}")))
        }
        _ => Ok(()),
    }
}

fn too_large(detail: String) -> Problem {
    Problem::new(Code::TooLarge, detail).at("body").hint("leave files out of the package")
}

fn refuse(error: &ReceiveError) -> Refusal {
    let detail = error.to_string();
    Refusal(match error {
        ReceiveError::TooLarge { .. } => too_large(detail),
        ReceiveError::DigestMismatch { .. } => {
            Problem::new(Code::DigestMismatch, detail).at("Content-Digest")
        }
        ReceiveError::BrokenOff(_) => Problem::new(Code::TooSlow, detail).at("body"),
        ReceiveError::Io { .. } => return Refusal::internal(error),
    })
}
