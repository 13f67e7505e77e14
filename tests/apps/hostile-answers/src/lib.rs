//! A hostile app: its answers are what no client should have to read. It speaks `wasi:http` itself,
//! since the guest crate would not let it.

use newleaf_sdk::private::wasip2;
use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Answers;

wasip2::http::proxy::export!(Answers with_types_in wasip2);

impl wasip2::exports::http::incoming_handler::Guest for Answers {
    fn handle(request: IncomingRequest, answer: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        match path {
            "/" => text(answer, Fields::new(), "well"),
            "/unread" => text(answer, Fields::new(), "whatever you say"),
            "/headers" => text(answer, fields(28), "headers"),
            "/more-headers" => text(answer, fields(1_000_000), "headers"),
            "/split" => split(answer),
            "/beyond" => text(answer, beyond(), "beyond"),
            "/status" => status(answer, query.parse().unwrap_or(200)),
            "/long" => lie(answer, "5", &"x".repeat(500)),
            "/short" => lie(answer, "500", "short"),
            "/lengths" => lengths(answer),
            "/flood" => flood(answer),
            "/drip" => drip(answer),
            "/trailers" => trailers(answer),
            "/silent" => drop(answer),
            _ => text(answer, Fields::new(), "There is nothing here."),
        }
    }
}

fn begin(answer: ResponseOutparam, fields: Fields) -> OutgoingBody {
    let response = OutgoingResponse::new(fields);
    let body = response.body().expect("the first body");
    ResponseOutparam::set(answer, Ok(response));
    body
}

fn write(body: &OutgoingBody, bytes: &[u8]) {
    let stream = body.write().expect("the first stream");
    for chunk in bytes.chunks(4096) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return;
        }
    }
}

fn text(answer: ResponseOutparam, fields: Fields, text: &str) {
    let body = begin(answer, fields);
    write(&body, text.as_bytes());
    let _ = OutgoingBody::finish(body, None);
}

/// So many fields of a thousand bytes each.
fn fields(count: u32) -> Fields {
    let fields = Fields::new();
    let value = vec![b'x'; 1000];
    for number in 0..count {
        let _ = fields.append(&format!("x-{number}"), &value);
    }
    fields
}

/// One field that would be two, in each place where it could be tried.
fn split(answer: ResponseOutparam) {
    let fields = Fields::new();
    let more = b"a\r\nSet-Cookie: newleaf=forged\r\n\r\n<p>forged";
    let tried = [
        fields.append("x-split", more),
        fields.append("x-newline", b"a\nb"),
        fields.append("x-null", b"a\0b"),
        fields.append("x-split\r\nset-cookie", b"newleaf=forged"),
        fields.append("set-cookie", b"a=1\r\nset-cookie: newleaf=forged"),
        fields.append("transfer-encoding", b"chunked"),
        fields.append("connection", b"close"),
        fields.append("upgrade", b"h2c"),
        fields.append("", b"nameless"),
    ];
    let taken = tried.iter().filter(|result| result.is_ok()).count();
    text(answer, fields, &format!("{taken} taken"));
}

/// Fields that act on more than this app's own pages.
fn beyond() -> Fields {
    let fields = Fields::new();
    for (name, value) in [
        ("set-cookie", "newleaf=forged; Path=/"),
        ("set-cookie", "__Host-newleaf=forged; Path=/; Secure"),
        ("set-cookie", "theirs=1; Path=/apps/acme/notes/"),
        ("set-cookie", "up=1; Path=/apps/acme/hostile-answers/../notes/"),
        ("set-cookie", "wide=1; Domain=example.com; Path=/"),
        ("clear-site-data", "\"*\""),
        ("service-worker-allowed", "/"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("alt-svc", "h2=\"evil.example.com:443\""),
        ("nel", "{\"report_to\":\"evil\",\"max_age\":31536000}"),
        ("report-to", "{\"group\":\"evil\",\"max_age\":31536000,\"endpoints\":[]}"),
        ("x-accel-redirect", "/etc/passwd"),
        ("x-sendfile", "/etc/passwd"),
        ("x-lighttpd-send-file", "/etc/passwd"),
        ("x-reproxy-url", "http://127.0.0.1/"),
    ] {
        let _ = fields.append(name, value.as_bytes());
    }
    fields
}

fn status(answer: ResponseOutparam, code: u16) {
    let response = OutgoingResponse::new(Fields::new());
    let set = response.set_status_code(code);
    let body = response.body().expect("the first body");
    ResponseOutparam::set(answer, Ok(response));
    write(&body, format!("{set:?}").as_bytes());
    let _ = OutgoingBody::finish(body, None);
}

fn lie(answer: ResponseOutparam, length: &str, said: &str) {
    let fields = Fields::new();
    let _ = fields.append("content-length", length.as_bytes());
    text(answer, fields, said);
}

/// Two lengths: two readers could see two ends.
fn lengths(answer: ResponseOutparam) {
    let fields = Fields::new();
    let _ = fields.append("content-length", b"4");
    let _ = fields.append("content-length", b"40");
    text(answer, fields, "four and forty, one after another, so long");
}

/// As much as is taken, as fast as it is taken; nothing ends it but the host.
fn flood(answer: ResponseOutparam) {
    let body = begin(answer, Fields::new());
    let stream = body.write().expect("the first stream");
    let chunk = [b'x'; 4096];
    loop {
        let _ = stream.blocking_write_and_flush(&chunk);
    }
}

/// A byte now and then, for ever.
fn drip(answer: ResponseOutparam) {
    let body = begin(answer, Fields::new());
    let stream = body.write().expect("the first stream");
    while stream.blocking_write_and_flush(b".").is_ok() {
        monotonic_clock::subscribe_duration(50_000_000).block();
    }
}

fn trailers(answer: ResponseOutparam) {
    let body = begin(answer, Fields::new());
    write(&body, b"trailers");
    let fields = Fields::new();
    let _ = fields.append("set-cookie", b"newleaf=forged; Path=/");
    let _ = fields.append("clear-site-data", b"\"*\"");
    let _ = OutgoingBody::finish(body, Some(fields));
}
