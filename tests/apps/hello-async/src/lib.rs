//! Greets through `wasi:http` 0.3 (asynchronous), where the tutorial app uses 0.2.

use wasip3::{
    http::{
        client,
        types::{ErrorCode, Fields, Request, Response, Scheme},
    },
    wit_bindgen, wit_future, wit_stream,
};

wasip3::http::service::export!(Greeter);

struct Greeter;

impl wasip3::exports::http::handler::Guest for Greeter {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        if path == "/loop" {
            let mut number = 1_u64;
            while std::hint::black_box(number) != 0 {
                number = number.wrapping_mul(3) | 1;
            }
        }
        let text = match path.strip_prefix("/outbound/") {
            Some(authority) => ask(authority).await,
            None => format!("Hello from {path}"),
        };
        let (mut body, stream) = wit_stream::new();
        let (trailers, no_trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(stream), no_trailers);
        drop(trailers);
        wit_bindgen::spawn_local(async move {
            // What is left unwritten nobody wants: the client has gone.
            let _ = body.write_all(text.into_bytes()).await;
        });
        Ok(response)
    }
}

/// What a request to `authority`, over plain HTTP, came to.
async fn ask(authority: &str) -> String {
    let (trailers, no_trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(Fields::new(), None, no_trailers, None);
    drop(trailers);
    let set = request
        .set_scheme(Some(&Scheme::Http))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some("/ok")));
    if set.is_err() {
        return "not a host".to_owned();
    }
    match client::send(request).await {
        Ok(answer) => {
            let status = answer.get_status_code();
            let (_done, done) = wit_future::new(|| Ok(()));
            let (body, _trailers) = Response::consume_body(answer, done);
            format!("{status} with {} bytes", body.collect().await.len())
        }
        Err(code) => format!("{code:?}"),
    }
}
