//! The private socket that the probe asks, before anyone else may.

use std::path::Path;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::http::{Door, Idle, Listener};
use crate::product::{Health, ProductContext};

/// What the probe's question is answered from.
#[derive(Debug, Clone)]
struct Asked {
    health: fn(ProductContext) -> Health,
    context: ProductContext,
}

/// Opens the socket. It answers `/healthz`: 200, or 503 with the reason in one line.
pub(super) fn door(
    path: &Path,
    health: fn(ProductContext) -> Health,
    context: ProductContext,
) -> std::io::Result<Door> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = Listener::unix(std::os::unix::net::UnixListener::bind(path)?)?;
    let router =
        Router::new().route("/healthz", get(healthz)).with_state(Asked { health, context });
    Ok(Door { listener, tls: None, router, crowd: None, idle: Idle::Goes })
}

async fn healthz(State(asked): State<Asked>) -> (StatusCode, String) {
    let Asked { health, context } = asked;
    if let Err(error) = context.db.ping().await {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("newleaf.db does not answer: {error}\n"));
    }
    match health(context).await {
        Ok(()) => (StatusCode::OK, "healthy\n".to_owned()),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}
