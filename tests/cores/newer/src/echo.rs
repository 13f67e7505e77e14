//! `/echo`: a WebSocket that gives each short text back, and is closed with 1012 when its worker is
//! to finish (RFC 6455 §7.4, IANA's registry), as a vendor's own would be.
//!
//! It greets the sample key of RFC 6455 §1.3 alone, so that it needs no SHA-1.

use std::io;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hyper_util::rt::TokioIo;
use newleaf::shutdown::ShutdownWatch;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The sample of RFC 6455 §1.3: a key, and what it is answered with.
const SAMPLE: (&str, &str) = ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");

/// A close frame that says 1012, *service restart*.
const RESTARTS: [u8; 4] = [0x88, 2, 0x03, 0xf4];

/// The route.
pub(crate) fn routes() -> Router {
    Router::new().route("/echo", get(greet))
}

async fn greet(watch: ShutdownWatch, mut request: Request) -> Response {
    if request.headers().get(header::SEC_WEBSOCKET_KEY).is_none_or(|key| key != SAMPLE.0) {
        return (StatusCode::BAD_REQUEST, "only the sample key of RFC 6455 is known here\n")
            .into_response();
    }
    tokio::spawn(async move {
        let upgraded = match hyper::upgrade::on(&mut request).await {
            Ok(upgraded) => upgraded,
            Err(error) => return tracing::debug!(%error, "nobody took the connection over"),
        };
        if let Err(error) = talk(TokioIo::new(upgraded), watch).await {
            tracing::debug!(%error, "a conversation broke off");
        }
    });
    let head = [
        (header::CONNECTION, "upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_ACCEPT, SAMPLE.1),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, head).into_response()
}

async fn talk(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    watch: ShutdownWatch,
) -> io::Result<()> {
    loop {
        let frame = tokio::select! {
            frame = next(&mut stream) => frame?,
            () = watch.begun() => break,
        };
        match frame {
            Some(text) => stream.write_all(&text).await?,
            None => return stream.shutdown().await,
        }
        stream.flush().await?;
    }
    stream.write_all(&RESTARTS).await?;
    stream.flush().await?;
    // The client closes as well, and then the connection ends (§7.1.1).
    while next(&mut stream).await?.is_some() {}
    stream.shutdown().await
}

/// A frame as it is given back; none where the client closes. Texts are short here (§5.2).
async fn next(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let [first, length] = [stream.read_u8().await?, stream.read_u8().await? & 0x7f];
    let (mut mask, mut text) = ([0; 4], vec![0; usize::from(length)]);
    stream.read_exact(&mut mask).await?;
    stream.read_exact(&mut text).await?;
    for (byte, mask) in text.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok((first & 0x0f != 8).then(|| [vec![first, length], text].concat()))
}
