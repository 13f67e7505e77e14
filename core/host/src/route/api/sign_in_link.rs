//! `POST /api/v1/sign-in-links`: a link that signs one person in to the portal, once.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use newleaf_web::link::{LINK_SECONDS, issue_link, link_path};

use super::Api;
use crate::route::{Kind, NewLink, Problem};

/// The account of whoever holds the host's folder.
const ADMIN: &str = "admin";

pub(super) async fn post(State(api): State<Api>) -> Result<(StatusCode, Json<NewLink>), Problem> {
    let Some(portal) = &api.portal else {
        return Err(Problem::new(Kind::Blocked, "make a sign-in link: no host serves the portal")
            .state("no host runs on this folder")
            .todo("start it: newleaf serve"));
    };
    let expires = api.clock.now().plus_seconds(LINK_SECONDS);
    let secret =
        issue_link(api.links.as_ref(), ADMIN, api.clock.as_ref()).await.map_err(|error| {
            Problem::new(
                Kind::Failed,
                format!("make a sign-in link: {}", newleaf_update::explain::chain(&error)),
            )
        })?;
    let link = NewLink { url: format!("{portal}{}", link_path(&secret)), expires };
    Ok((StatusCode::CREATED, Json(link)))
}
