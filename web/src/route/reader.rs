//! Who sends a request, and forms that belong to their session.

use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::{self, Problem};
use super::shared::Shared;
use crate::cookie;
use crate::gate::{Refusal, SignedIn};
use crate::origin::Origin;
use crate::page::{self, Frame};

/// A request by someone who is signed in. Anyone else gets the page that says how to sign in.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) shared: Shared,
    pub(super) who: SignedIn,
    pub(super) origin: Origin,
}

impl Reader {
    /// The frame of this reader's pages.
    pub(super) fn frame(&self) -> Frame<'_> {
        self.shared.frame(Some(&self.who))
    }

    /// The account's name, for the journal.
    pub(super) fn account(&self) -> String {
        self.who.session.account.clone()
    }

    /// What a handler came to, with its problem rendered for this reader.
    pub(super) fn answer(&self, result: Result<Response, Problem>) -> Response {
        result.unwrap_or_else(|problem| problem::render(&self.shared, Some(&self.who), &problem))
    }
}

impl FromRequestParts<Shared> for Reader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        let Some(origin) = origin_of(parts) else {
            return Err(problem::refused(shared, None, &Refusal::WrongHost));
        };
        let found = shared.gate.who(&origin, &parts.headers).await;
        match found {
            Ok(Some(who)) => Ok(Self { shared: shared.clone(), who, origin }),
            Ok(None) => Err(signed_out(parts, shared, &origin)),
            Err(error) => Err(problem::render(shared, None, &Problem::store(shared, &error))),
        }
    }
}

/// The origin that the guard found.
pub(super) fn origin_of(parts: &Parts) -> Option<Origin> {
    parts.extensions.get().cloned()
}

/// Says how to sign in; takes back a cookie that signs nobody in.
fn signed_out(parts: &Parts, shared: &Shared, origin: &Origin) -> Response {
    let path = if parts.method == Method::GET { parts.uri.path() } else { "/" };
    let content = page::signed_out(&shared.frame(None), path);
    let mut response = (StatusCode::UNAUTHORIZED, content).into_response();
    if cookie::is_present(origin, &parts.headers)
        && let Some(clear) = cookie::clear(origin)
    {
        response.headers_mut().insert(header::SET_COOKIE, clear);
    }
    response
}

/// A form sent by someone who is signed in, with their session's token.
#[derive(Debug)]
pub(super) struct Posted<T> {
    pub(super) reader: Reader,
    pub(super) fields: T,
}

#[derive(Debug, Deserialize)]
struct Sealed<T> {
    #[serde(default)]
    form_token: String,
    #[serde(flatten)]
    fields: T,
}

impl<T: DeserializeOwned> FromRequest<Shared> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let reader = Reader::from_request_parts(&mut parts, shared).await?;
        let request = Request::from_parts(parts, body);
        let form = Form::<Sealed<T>>::from_request(request, shared).await;
        let Ok(Form(sealed)) = form else { return Err(reader.answer(Err(Problem::BadForm))) };
        if reader.who.accepts(&sealed.form_token) {
            Ok(Self { reader, fields: sealed.fields })
        } else {
            Err(problem::refused(shared, Some(&reader.who), &Refusal::FormToken))
        }
    }
}

/// A form without fields of its own.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}
