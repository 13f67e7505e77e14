//! `GET /preflight`: measures anew each time.

use axum::response::{IntoResponse, Response};

use super::reader::Reader;
use crate::page;

/// The prerequisites of this machine.
pub(super) async fn show(reader: Reader) -> Response {
    let measured = reader.shared.portal.updater.preflight().await;
    page::preflight(&reader.frame(), &measured).into_response()
}
