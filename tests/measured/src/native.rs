//! The native handler that apps are compared with: the same answer, without an app.

use axum::{Router, http::header, routing::get, serve::ListenerExt as _};

/// What is answered; the app of the benches answers the same.
const TEXT: &str = "Hello, world!\n";

/// Answers until the process is ended.
pub(crate) fn serve() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on {}", listener.local_addr()?);
        // As the host does. An error leaves the connection as it is.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let answer = || async { ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], TEXT) };
        axum::serve(listener, Router::new().route("/", get(answer))).await
    })
}
