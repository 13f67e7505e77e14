//! A hostile app: asks the outside for whatever it is told to, past every courtesy of the kit, and
//! says what came of it.

use newleaf_sdk::{
    App, Request, Response, fetch,
    private::wasip2::{
        http::{
            outgoing_handler,
            types::{
                ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
                OutgoingRequest, RequestOptions, Scheme, http_error_code,
            },
        },
        io::streams::StreamError,
    },
};

struct Outbound;

newleaf_sdk::app!(Outbound);

impl App for Outbound {
    fn handle(request: &Request) -> Response {
        match request.path() {
            "/raw" => raw(request),
            "/many" => many(request),
            "/fetch" => fetched(&request.query("url").unwrap_or_default()),
            "/echo" => echoed(request),
            "/leave" => leave(request),
            "/forbidden" => forbidden(),
            _ => Response::text("There is nothing here.\n").with_status(404),
        }
    }
}

/// One request, said field by field.
fn raw(request: &Request) -> Response {
    let answer = start(request).and_then(|pending| {
        pending.subscribe().block();
        take(&pending)
    });
    match answer.and_then(|answer| Ok((answer.status(), length(&answer)?))) {
        Ok((status, length)) => Response::text(format!("{status} with {length} bytes")),
        Err(code) => Response::text(format!("{code:?}")).with_status(403),
    }
}

/// As many at one time as it is told to; answers how many came to what.
fn many(request: &Request) -> Response {
    let count = number(request, "count");
    let pending: Vec<_> = (0..count).map(|_| start(request)).collect();
    let mut came = std::collections::BTreeMap::<String, u32>::new();
    for pending in pending {
        let answer = pending.and_then(|pending| {
            pending.subscribe().block();
            take(&pending)
        });
        let what = match answer.and_then(|answer| length(&answer).map(|_| answer.status())) {
            Ok(status) => status.to_string(),
            Err(code) => format!("{code:?}"),
        };
        *came.entry(what).or_default() += 1;
    }
    Response::text(format!("{came:?}"))
}

/// Starts a request and ends without waiting for it.
fn leave(request: &Request) -> Response {
    match start(request) {
        Ok(pending) => {
            std::thread::sleep(std::time::Duration::from_millis(number(request, "ms")));
            drop(pending);
            Response::text("left")
        }
        Err(code) => Response::text(format!("{code:?}")).with_status(403),
    }
}

/// The fields that `wasi:http` itself lets nobody set.
fn forbidden() -> Response {
    let names = ["host", "connection", "transfer-encoding", "proxy-authorization", "te", "expect"];
    let refused = names.iter().filter(|name| Fields::new().append(name, b"x").is_err());
    Response::text(refused.copied().collect::<Vec<_>>().join(" "))
}

/// Through the kit, as an honest app does.
fn fetched(url: &str) -> Response {
    match fetch::get(url) {
        Ok(answer) => {
            let length = answer.body.len();
            let place = answer.header("location").unwrap_or("-");
            Response::text(format!("{} with {length} bytes to {place}", answer.status))
        }
        Err(error) => Response::text(format!("{error:?}: {error}")).with_status(403),
    }
}

/// Sends a body through the kit, and gives back what came.
fn echoed(request: &Request) -> Response {
    let url = request.query("url").unwrap_or_default();
    let sent = fetch::Request::post(&url, "text/plain", request.body())
        .header("user-agent", "prober/1")
        .header("x-own", "yes");
    match sent.send() {
        Ok(answer) => Response::of("application/octet-stream", answer.body),
        Err(error) => Response::text(format!("{error:?}")).with_status(403),
    }
}

fn start(request: &Request) -> Result<FutureIncomingResponse, ErrorCode> {
    let query = |name| request.query(name);
    let fields = Fields::new();
    if let Some(large) = query("field_bytes").and_then(|bytes| bytes.parse().ok()) {
        // The host may take no more than it can keep.
        let _ = fields.append("x-large", &vec![b'x'; large]);
    }
    let outgoing = OutgoingRequest::new(fields);
    let scheme = if query("scheme").as_deref() == Some("http") { Scheme::Http } else { Scheme::Https };
    let method = query("method").map_or(Method::Get, Method::Other);
    let authority = query("authority").unwrap_or_default();
    let path = query("path").unwrap_or_else(|| "/".to_owned());
    outgoing
        .set_scheme(Some(&scheme))
        .and_then(|()| outgoing.set_method(&method))
        .and_then(|()| outgoing.set_authority(Some(&authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&path)))
        .map_err(|()| ErrorCode::InternalError(Some("not to be said".to_owned())))?;
    let body = outgoing.body().map_err(|()| ErrorCode::InternalError(None))?;
    let pending = outgoing_handler::handle(outgoing, options(request))?;
    write(body, number(request, "body_bytes"));
    Ok(pending)
}

fn options(request: &Request) -> Option<RequestOptions> {
    let patience = number(request, "patience_s");
    let options = RequestOptions::new();
    let patience = (patience > 0).then_some(patience * 1_000_000_000);
    let _ = options.set_first_byte_timeout(patience);
    let _ = options.set_between_bytes_timeout(patience);
    Some(options)
}

fn write(body: OutgoingBody, length: u64) {
    if length > 0
        && let Ok(stream) = body.write()
    {
        let chunk = vec![b'x'; 4096];
        for _ in 0..length.div_ceil(4096) {
            if stream.blocking_write_and_flush(&chunk).is_err() {
                break;
            }
        }
    }
    // What came of it shows in the answer.
    let _ = OutgoingBody::finish(body, None);
}

fn take(pending: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    match pending.get() {
        Some(Ok(answer)) => answer,
        Some(Err(())) | None => Err(ErrorCode::InternalError(Some("taken twice".to_owned()))),
    }
}

/// Reads the body to its end.
fn length(answer: &IncomingResponse) -> Result<usize, ErrorCode> {
    let none = |()| ErrorCode::InternalError(Some("no body".to_owned()));
    let body = answer.consume().map_err(none)?;
    let stream = body.stream().map_err(none)?;
    let mut length = 0;
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(more) => length += more.len(),
            Err(StreamError::Closed) => return Ok(length),
            Err(StreamError::LastOperationFailed(error)) => {
                let words = || ErrorCode::InternalError(Some(error.to_debug_string()));
                return Err(http_error_code(&error).unwrap_or_else(words));
            }
        }
    }
}

fn number(request: &Request, name: &str) -> u64 {
    request.query(name).and_then(|text| text.parse().ok()).unwrap_or(0)
}
