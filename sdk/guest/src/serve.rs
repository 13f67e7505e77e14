//! Between `wasi:http` 0.2 and the types of this crate.
//!
//! Errors of writing are swallowed: they mean that the client went away, which is no fault of the
//! app, and an app that traps on it would look broken.

use wasip2::{
    http::types::{
        ErrorCode, Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse,
        ResponseOutparam, http_error_code,
    },
    io::streams::{OutputStream, StreamError},
};

use crate::{Request, Response};

/// The most that one call may write.
const CHUNK: usize = 4096;

/// Reads the request, has it answered and writes the response.
pub fn serve(
    request: &IncomingRequest,
    answer: ResponseOutparam,
    handle: impl FnOnce(&Request) -> Response,
) {
    let response = match read(request) {
        Ok(request) => handle(&request),
        Err(response) => response,
    };
    write(&response, answer);
}

fn read(incoming: &IncomingRequest) -> Result<Request, Response> {
    let target = incoming.path_with_query().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let headers = incoming.headers().entries().into_iter();
    Ok(Request {
        method: method(incoming.method()),
        authority: incoming.authority().filter(|authority| !authority.is_empty()),
        path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
        query: query.to_owned(),
        headers: headers
            .map(|(name, value)| (name, String::from_utf8_lossy(&value).into_owned()))
            .collect(),
        body: read_body(incoming)?,
    })
}

/// The body; or the answer to a client that sent too much, or broke off.
fn read_body(incoming: &IncomingRequest) -> Result<Vec<u8>, Response> {
    let Ok(body) = incoming.consume() else { return Ok(Vec::new()) };
    let Ok(stream) = body.stream() else { return Ok(Vec::new()) };
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(more) => bytes.extend_from_slice(&more),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(match http_error_code(&error) {
                    Some(ErrorCode::HttpRequestBodySize(_)) => {
                        Response::text("What was sent is too large.\n").with_status(413)
                    }
                    _ => Response::text("The request broke off.\n").with_status(400),
                });
            }
        }
    }
}

fn write(response: &Response, answer: ResponseOutparam) {
    let fields = Fields::new();
    for (name, value) in &response.headers {
        if fields.append(name, value.as_bytes()).is_err() {
            crate::log::warning(&format!("the response field {name} is not allowed and left out"));
        }
    }
    let length = response.body.len().to_string();
    // Refused only if the app has set it itself.
    let _ = fields.append("content-length", length.as_bytes());
    let outgoing = OutgoingResponse::new(fields);
    if outgoing.set_status_code(response.status).is_err() {
        crate::log::warning(&format!("{} is not a status", response.status));
    }
    let Ok(body) = outgoing.body() else { return };
    ResponseOutparam::set(answer, Ok(outgoing));
    if let Ok(stream) = body.write() {
        write_body(&stream, &response.body);
    }
    // An error means that the client has gone.
    let _ = OutgoingBody::finish(body, None);
}

fn write_body(stream: &OutputStream, body: &[u8]) {
    for chunk in body.chunks(CHUNK) {
        if stream.blocking_write_and_flush(chunk).is_err() {
            return;
        }
    }
}

fn method(method: Method) -> String {
    match method {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(other) => other,
    }
}
