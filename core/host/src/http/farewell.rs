//! Event streams of a worker that finishes: each is told to come back, and ended between two
//! events, whoever sends it (the portal, the product, an app). The client's next connection is the
//! next worker's, and `Last-Event-ID` says where it was (HTML §9.2).

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::Response;
use http_body::Frame;

use crate::shutdown::ShutdownWatch;

/// When a client comes back, in milliseconds: at least, and how much later at most, so that not
/// all come at once.
const RETRY: (u32, u32) = (200, 800);

/// `response` with its body, where that is an event stream, ending when the worker is to finish.
pub(super) fn told(response: Response, watch: ShutdownWatch) -> Response {
    let headers = response.headers();
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_stream = kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"));
    if !is_stream || headers.contains_key(CONTENT_LENGTH) {
        return response;
    }
    response.map(|body| {
        let begun = Box::pin(async move { watch.begun().await });
        Body::new(EventBody { body, begun, tail: *b"\n\n\n\n", is_over: false })
    })
}

/// An event stream that can end before its source does.
struct EventBody {
    body: Body,
    begun: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// The last bytes that were sent: between two events there is an empty line.
    tail: [u8; 4],
    is_over: bool,
}

impl EventBody {
    fn sent(&mut self, data: &[u8]) {
        let last = &data[data.len().saturating_sub(self.tail.len())..];
        self.tail.rotate_left(last.len());
        let from = self.tail.len() - last.len();
        self.tail[from..].copy_from_slice(last);
    }

    fn is_between_events(&self) -> bool {
        [&b"\n\n"[..], b"\r\r", b"\r\n\r\n"].iter().any(|end| self.tail.ends_with(end))
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        // The source first: it may have a last word of its own.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if let Some(data) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
                self.sent(data);
            }
            return Poll::Ready(frame);
        }
        if !self.is_between_events() || self.begun.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.is_over = true;
        Poll::Ready(Some(Ok(Frame::data(format!("retry: {}\n\n", retry()).into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }
}

fn retry() -> u32 {
    // Without randomness all come back at once, which is no fault.
    RETRY.0 + getrandom::u32().unwrap_or(0) % RETRY.1
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use futures_util::StreamExt as _;
    use futures_util::stream;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::shutdown::Shutdown;

    fn events(
        parts: &'static [&'static str],
        headers: &[(&'static str, &'static str)],
    ) -> Response {
        let parts = stream::iter(parts).map(|part| Ok::<_, Infallible>(*part));
        let mut response = Response::new(Body::from_stream(parts.chain(stream::pending())));
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        response
    }

    const STREAM: (&str, &str) = ("content-type", "text/event-stream; charset=utf-8");

    #[tokio::test]
    async fn a_stream_is_told_when_to_come_back_and_ends() {
        let (shutdown, watch) = Shutdown::new();
        let response = told(events(&["data: 1\n", "\nid", ": 2\r\n\r\n"], &[STREAM]), watch);
        shutdown.begin(Duration::from_secs(30));
        let all = response.into_body().collect().await.unwrap().to_bytes();
        let all = String::from_utf8(all.into()).unwrap();
        let retry = all.strip_prefix("data: 1\n\nid: 2\r\n\r\nretry: ").unwrap();
        let retry: u32 = retry.strip_suffix("\n\n").unwrap().parse().unwrap();
        assert!((RETRY.0..RETRY.0 + RETRY.1).contains(&retry), "{retry}");
    }

    #[tokio::test]
    async fn no_event_is_cut_in_two_and_nothing_else_is_touched() {
        for (parts, headers) in [
            (&["data: half"][..], &[STREAM][..]),
            (&["data: 1\n\n"], &[STREAM, ("content-length", "20")]),
            (&["data: 1\n\n"], &[("content-type", "text/plain")]),
        ] {
            let (shutdown, watch) = Shutdown::new();
            let mut body = told(events(parts, headers), watch).into_body();
            shutdown.begin(Duration::from_secs(30));
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), parts[0]);
            let more = futures_util::future::poll_immediate(body.frame()).await;
            assert!(more.is_none(), "{more:?}");
        }
    }
}
