//! Signing in by a link, and signing out.

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::problem::{self, Problem};
use super::reader::{Nothing, Posted, origin_of};
use super::shared::{Inner, Shared};
use crate::cookie;
use crate::gate::Refusal;
use crate::link::{self, Redeemed, SESSION_SECONDS};
use crate::origin::Origin;
use crate::page;
use crate::store::LinkStanding;
use crate::token::Secret;

/// `GET /sign-in`: says how to get a link.
pub(super) async fn without_link(State(shared): State<Shared>) -> Response {
    page::signed_out(&shared.frame(None), "/").into_response()
}

/// `GET /sign-in/{secret}`: asks for a click. Uses nothing up, for mail and chat programs open
/// links to preview them.
pub(super) async fn confirm(State(shared): State<Shared>, Path(text): Path<String>) -> Response {
    let Some(secret) = Secret::parse(&text) else {
        return refused(&shared, &LinkStanding::Unknown);
    };
    match shared.portal.links.look(&secret.key(), shared.portal.clock.now()).await {
        Ok(LinkStanding::Usable { account }) => {
            let path = link::link_path(&secret);
            page::confirm(&shared.frame(None), &path, &account).into_response()
        }
        Ok(standing) => refused(&shared, &standing),
        Err(error) => problem::render(&shared, None, &Problem::store(&shared, &error)),
    }
}

/// `POST /sign-in/{secret}`: uses the link up and begins a session.
pub(super) async fn redeem(
    State(shared): State<Shared>,
    Path(text): Path<String>,
    parts: Parts,
) -> Response {
    let Some(origin) = origin_of(&parts) else {
        return problem::refused(&shared, None, &Refusal::WrongHost);
    };
    let Some(secret) = Secret::parse(&text) else {
        return refused(&shared, &LinkStanding::Unknown);
    };
    let portal = &shared.portal;
    let now = portal.clock.now();
    match link::redeem(portal.links.as_ref(), portal.sessions.as_ref(), &secret, now).await {
        Ok(Redeemed::SignedIn(session)) => {
            tracing::info!("someone signed in by a link");
            signed_in(&origin, &session)
        }
        Ok(Redeemed::Refused(standing)) => refused(&shared, &standing),
        Err(error) => {
            let problem = Problem::unexpected(&shared, "Sign-in does not work", &error);
            problem::render(&shared, None, &problem)
        }
    }
}

fn signed_in(origin: &Origin, session: &Secret) -> Response {
    let mut response = Redirect::to("/").into_response();
    if let Some(cookie) = cookie::set(origin, session, SESSION_SECONDS) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

fn refused(shared: &Inner, standing: &LinkStanding) -> Response {
    let status = match standing {
        LinkStanding::Used | LinkStanding::Expired => StatusCode::GONE,
        LinkStanding::Unknown | LinkStanding::Usable { .. } => StatusCode::NOT_FOUND,
    };
    (status, page::link_refused(&shared.frame(None), standing)).into_response()
}

/// `POST /sign-out`: ends the session here and in the store.
pub(super) async fn sign_out(Posted { reader, fields: Nothing {} }: Posted<Nothing>) -> Response {
    let shared = &reader.shared;
    if let Err(error) = shared.portal.sessions.remove(&reader.who.session.key).await {
        return reader.answer(Err(Problem::store(shared, &error)));
    }
    let mut response = Redirect::to("/sign-in").into_response();
    if let Some(clear) = cookie::clear(&reader.origin) {
        response.headers_mut().insert(header::SET_COOKIE, clear);
    }
    response
}
