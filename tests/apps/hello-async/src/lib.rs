//! Greets through `wasi:http` 0.3 (asynchronous), where the tutorial app uses 0.2.

use wasip3::{
    http::types::{ErrorCode, Fields, Request, Response},
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
        let (mut body, stream) = wit_stream::new();
        let (trailers, no_trailers) = wit_future::new(|| Ok(None));
        let (response, _sent) = Response::new(Fields::new(), Some(stream), no_trailers);
        drop(trailers);
        wit_bindgen::spawn_local(async move {
            // What is left unwritten nobody wants: the client has gone.
            let _ = body.write_all(format!("Hello from {path}").into_bytes()).await;
        });
        Ok(response)
    }
}
