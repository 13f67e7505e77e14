//! `GET /api/v1/channels` tells which channel each target follows; `POST /api/v1/channel` changes
//! one.

use axum::extract::State;
use axum::{Extension, Json};
use newleaf_update::view::ChannelView;

use super::Api;
use super::update::consent;
use crate::route::answer::{Body, channel_problem, unreadable};
use crate::route::{Caller, ChannelRequest, Problem};

pub(super) async fn get(State(api): State<Api>) -> Result<Json<Vec<ChannelView>>, Problem> {
    let channels = api.updater.channels().await;
    channels.map(Json).map_err(|error| unreadable(&api.updater, &error))
}

pub(super) async fn post(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<ChannelRequest>,
) -> Result<Json<ChannelView>, Problem> {
    let ChannelRequest { target, channel, consent: word } = request;
    let set = api.updater.set_channel(&target, channel, consent(word), &caller.by).await;
    set.map(Json).map_err(|error| channel_problem(&api.updater, &error))
}
