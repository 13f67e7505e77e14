//! `POST /channel`: lets core or an app follow a channel, asked twice where it is not for everyone.

use axum::response::{IntoResponse, Redirect, Response};
use newleaf_domain::{Channel, Target};
use newleaf_update::{ChannelError, Consent};
use serde::Deserialize;

use super::problem::Problem;
use super::reader::{Posted, Reader};
use crate::page;

/// What is asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    target: Target,
    channel: Channel,
    sure: Option<String>,
}

/// Sets the channel, or asks whether that is meant.
pub(super) async fn set(Posted { reader, fields }: Posted<Wanted>) -> Response {
    let result = set_channel(&reader, fields).await;
    reader.answer(result)
}

async fn set_channel(reader: &Reader, fields: Wanted) -> Result<Response, Problem> {
    let Wanted { target, channel, sure } = fields;
    let consent = match sure.as_deref() {
        Some("yes") => Consent::Given,
        Some(_) | None => Consent::NotGiven,
    };
    let updater = &reader.shared.portal.updater;
    match updater.set_channel(&target, channel, consent, &reader.account()).await {
        Ok(_) => Ok(Redirect::to(&format!("/releases/{target}")).into_response()),
        Err(ChannelError::ConsentNeeded { warning, .. }) => {
            let names = reader.shared.names().await;
            let frame = reader.frame().calling(&names);
            Ok(page::channel(&frame, &reader.who, &target, channel, warning).into_response())
        }
        Err(error) => {
            Err(Problem::explained(&reader.shared, "The channel was not changed", &error))
        }
    }
}
