//! Greets through `wasi:http` 0.2 and nothing else, so that every host of that interface can run it.

use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

wasip2::http::proxy::export!(Greeter);

/// How long `/wait` waits before its body, in nanoseconds.
const WAIT: u64 = 5_000_000_000;

struct Greeter;

impl wasip2::exports::http::incoming_handler::Guest for Greeter {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let waits = request.path_with_query().is_some_and(|path| path.ends_with("/wait"));
        let fields = Fields::new();
        let kind = b"text/plain; charset=utf-8".to_vec();
        let _ = fields.append("content-type", &kind);
        let text = b"Hello, world!\n";
        let _ = fields.append("content-length", &text.len().to_string().into_bytes());
        let response = OutgoingResponse::new(fields);
        let Ok(body) = response.body() else { return };
        ResponseOutparam::set(out, Ok(response));
        if waits {
            monotonic_clock::subscribe_duration(WAIT).block();
        }
        // A client that went away is no reason to break down.
        if let Ok(stream) = body.write() {
            let _ = stream.blocking_write_and_flush(text);
        }
        let _ = OutgoingBody::finish(body, None);
    }
}
