//! Our own stylesheet, script and icon, compiled in and named by their digests.
//! A name never changes its bytes, so browsers may keep it for ever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

/// A file compiled into the program.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its address, `/assets/<name>.<first 16 hex digits of its SHA-256>.<kind>`.
    pub(crate) path: String,
    media_type: &'static str,
    body: &'static str,
}

impl Asset {
    fn new(name: &str, kind: &str, media_type: &'static str, body: &'static str) -> Self {
        let digest = hex::encode(&Sha256::digest(body.as_bytes())[..8]);
        Self { path: format!("{FOLDER}{name}.{digest}.{kind}"), media_type, body }
    }
}

const FOLDER: &str = "/assets/";
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The stylesheet.
pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("app", "css", "text/css; charset=utf-8", include_str!("../assets/app.css"))
});

/// The script; every page works without it.
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("live", "js", "text/javascript; charset=utf-8", include_str!("../assets/live.js"))
});

/// The leaf in the browser's tab.
pub(crate) static ICON: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("leaf", "svg", "image/svg+xml", include_str!("../assets/leaf.svg"))
});

/// Tells one build of the pages from another: a page that finds itself talking to a newer core
/// loads itself again.
pub(crate) static BUILD: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = Sha256::new();
    for asset in [&STYLE, &SCRIPT, &ICON] {
        hasher.update(asset.path.as_bytes());
    }
    hex::encode(&hasher.finalize()[..8])
});

/// `GET /assets/{name}`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let known = [&STYLE, &SCRIPT, &ICON];
    let found = known.into_iter().find(|asset| asset.path.strip_prefix(FOLDER) == Some(&name));
    match found {
        Some(asset) => {
            let kind = HeaderValue::from_static(asset.media_type);
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, IMMUTABLE)], asset.body)
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
