//! Turns errors into `application/problem+json` (RFC 9457). What went wrong inside goes to the log;
//! the sender learns only that it was not her fault.

use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use newleaf_domain::InvalidWord;
use newleaf_registry_api::{Code, PROBLEM_JSON, Problem};

use crate::db::DbError;
use crate::log::chain;

/// An error answer.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Problem);

impl Refusal {
    /// The registry's own fault, which is logged.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = chain(error), "request failed");
        Self(Problem::new(Code::Internal, "the registry could not do this; its log says why"))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}
impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::internal(&error)
    }
}
impl From<InvalidWord> for Refusal {
    fn from(error: InvalidWord) -> Self {
        Self(Problem::new(Code::Malformed, error.to_string()).at(error.word))
    }
}
impl From<JsonRejection> for Refusal {
    fn from(error: JsonRejection) -> Self {
        Self(body_problem(error.status(), error.body_text()))
    }
}
impl From<BytesRejection> for Refusal {
    fn from(error: BytesRejection) -> Self {
        Self(body_problem(error.status(), error.body_text()))
    }
}

fn body_problem(status: StatusCode, text: String) -> Problem {
    let code = match status {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        StatusCode::REQUEST_TIMEOUT => Code::TooSlow,
        _ => Code::Malformed,
    };
    Problem::new(code, text).at("body")
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.0.code == Code::NotSignedIn {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
