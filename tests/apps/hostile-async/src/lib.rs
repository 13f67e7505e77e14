//! A hostile app of the newer kind (`wasi:http` 0.3): it opens streams, starts tasks and answers
//! without end.

use wasip3::{
    clocks::monotonic_clock,
    http::types::{ErrorCode, Fields, Request, Response},
    wit_bindgen, wit_future, wit_stream,
};

wasip3::http::service::export!(Async);

struct Async;

impl wasip3::exports::http::handler::Guest for Async {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let path = request.get_path_with_query().unwrap_or_default();
        match path.as_str() {
            "/loop" => endless_loop(),
            "/streams" => streams(),
            "/tasks" => tasks().await,
            "/sleep" => monotonic_clock::wait_for(u64::MAX / 2).await,
            "/split" => return Ok(split()),
            _ => {}
        }
        Ok(answer(Fields::new(), if path == "/flood" { usize::MAX } else { 1 }))
    }
}

/// An answer of `times` chunks.
fn answer(fields: Fields, times: usize) -> Response {
    let (mut body, stream) = wit_stream::new();
    let (trailers, no_trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(fields, Some(stream), no_trailers);
    drop(trailers);
    wit_bindgen::spawn_local(async move {
        let chunk = if times == 1 { b"well".to_vec() } else { vec![b'x'; 64 * 1024] };
        for _ in 0..times {
            // What is left unwritten nobody wants; it goes on all the same.
            let _ = body.write_all(chunk.clone()).await;
        }
    });
    response
}

fn endless_loop() {
    let mut number = 1_u64;
    while std::hint::black_box(number) != 0 {
        number = number.wrapping_mul(3) | 1;
    }
}

/// Streams that nobody reads or writes, as many as can be had.
fn streams() {
    let mut hoard: Vec<(wit_bindgen::StreamWriter<u8>, wit_bindgen::StreamReader<u8>)> = Vec::new();
    loop {
        hoard.push(wit_stream::new());
    }
}

/// Calls that wait for ever, as many at a time as can be had.
async fn tasks() {
    for _ in 0..10_000_000_u64 {
        wit_bindgen::spawn_local(monotonic_clock::wait_for(u64::MAX / 2));
        // Lets what was spawned begin.
        monotonic_clock::wait_for(0).await;
    }
}

fn split() -> Response {
    let fields = Fields::new();
    let more = b"a\r\nset-cookie: newleaf=forged".to_vec();
    let tried = [
        fields.append("x-split", &more),
        fields.append("x-split\r\nset-cookie", b"newleaf=forged".as_ref()),
        fields.append("transfer-encoding", b"chunked".as_ref()),
        fields.append("set-cookie", b"newleaf=forged; Path=/".as_ref()),
        fields.append("x-accel-redirect", b"/etc/passwd".as_ref()),
    ];
    let taken = tried.iter().filter(|result| result.is_ok()).count();
    let _ = fields.append("x-taken", taken.to_string().as_bytes());
    answer(fields, 1)
}
