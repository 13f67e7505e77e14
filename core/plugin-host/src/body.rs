//! Bodies on their way in and out of an app: bounded, counted, and told apart when they break.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use newleaf_domain::ByteSize;
use wasmtime_wasi_http::{Error as WasiError, WasiBody};

use crate::{
    address,
    app::Failure,
    stats::{Conclusion, Noted, Ticket, Turn},
    voice::Told,
};

/// The body of a response, ready for a server. Dropping it early tells the app's statistics that
/// the client went away.
pub struct AppBody {
    inner: Inner,
    left: u64,
    limit: ByteSize,
    ticket: Option<Arc<Ticket>>,
    told: Option<Arc<Told>>,
}

enum Inner {
    Guest(WasiBody),
    Text(Option<Bytes>),
}

/// Why the body of a response ends early; the server must cut the connection.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The app failed while it wrote.
    #[error("the app broke off its response: {reason}")]
    BrokenOff {
        /// In wasmtime's words.
        reason: String,
    },
    /// The app wrote more than it may.
    #[error("the response is longer than {limit}")]
    TooLong {
        /// What it may write.
        limit: ByteSize,
    },
}

impl AppBody {
    /// What an app writes, up to `limit` bytes.
    pub(crate) fn guest(
        body: WasiBody,
        limit: ByteSize,
        ticket: Arc<Ticket>,
        told: &Arc<Told>,
    ) -> Self {
        ticket.waits_for_reader(Turn::Clients);
        let (inner, left) = (Inner::Guest(body), limit.as_u64());
        Self { inner, left, limit, ticket: Some(ticket), told: Some(told.clone()) }
    }

    /// A short text of the host's own.
    pub fn text(text: impl Into<Bytes>) -> Self {
        let text = text.into();
        Self {
            inner: Inner::Text(Some(text)),
            left: u64::MAX,
            limit: ByteSize::default(),
            ticket: None,
            told: None,
        }
    }

    fn conclude(&mut self, conclusion: Conclusion) {
        if let Some(ticket) = self.ticket.take() {
            ticket.conclude(conclusion);
        }
    }

    /// Ends the instance too: nobody takes what it goes on to write.
    fn end_what_is_too_long(&mut self) {
        let Some(ticket) = self.ticket.take() else { return };
        if ticket.fail(Failure::AnswerTooLong) == Noted::First
            && let Some(app) = self.told.as_ref().and_then(|told| told.line())
        {
            let reason = format!("its answer is longer than {}", self.limit);
            tracing::warn!(%app, request = ticket.what(), reason, "a request failed");
        }
        ticket.conclude(Conclusion::Failed);
        ticket.end();
    }

    /// The end of an instance that was ended is no end of its answer.
    fn honest(
        &self,
        frame: Option<Result<Frame<Bytes>, BodyError>>,
    ) -> Option<Result<Frame<Bytes>, BodyError>> {
        let failure = self.ticket.as_ref().and_then(|ticket| ticket.failure());
        match (frame, failure) {
            (None, Some(failure)) => {
                Some(Err(BodyError::BrokenOff { reason: failure.sentence().to_owned() }))
            }
            (frame, _) => frame,
        }
    }

    fn poll_guest(
        body: &mut WasiBody,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(body).poll_frame(context));
        Poll::Ready(
            frame.map(|frame| {
                frame.map_err(|error| BodyError::BrokenOff { reason: error.to_string() })
            }),
        )
    }
}

impl Body for AppBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match &mut self.inner {
            Inner::Text(text) => return Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Inner::Guest(body) => Self::poll_guest(body, context),
        };
        // What was given is the client's to read before the server asks for more.
        if let Some(ticket) = &self.ticket {
            ticket.waits_for_reader(if frame.is_ready() { Turn::Clients } else { Turn::Ours });
        }
        let mut frame = self.honest(ready!(frame));
        if let Some(trailers) = frame.as_mut().and_then(|it| it.as_mut().ok()?.trailers_mut()) {
            address::trailers(trailers);
        }
        let length = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) => {
                self.conclude(Conclusion::Failed);
                return Poll::Ready(frame);
            }
            None => {
                self.conclude(Conclusion::Done);
                return Poll::Ready(None);
            }
        };
        if length > self.left {
            self.end_what_is_too_long();
            return Poll::Ready(Some(Err(BodyError::TooLong { limit: self.limit })));
        }
        self.left -= length;
        if self.is_end_stream() {
            self.conclude(Conclusion::Done);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Guest(body) => body.is_end_stream(),
            Inner::Text(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Guest(body) => body.size_hint(),
            Inner::Text(text) => {
                SizeHint::with_exact(text.as_ref().map_or(0, |text| text.len() as u64))
            }
        }
    }
}

impl Drop for AppBody {
    fn drop(&mut self) {
        let conclusion =
            if self.is_end_stream() { Conclusion::Done } else { Conclusion::ClientGone };
        self.conclude(conclusion);
    }
}

impl std::fmt::Debug for AppBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppBody").field("left", &self.left).finish_non_exhaustive()
    }
}

/// The body of a request as the guest reads it: no more than `limit` bytes, and a client that
/// goes away is an error the guest sees, not one of ours.
///
/// A body that is too long is noted on the ticket, since what the guest can learn of it is only
/// that the stream failed.
pub(crate) fn for_guest<B>(body: B, limit: ByteSize, ticket: Arc<Ticket>) -> WasiBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let body = Sent { body: Box::pin(body), ticket: ticket.clone() };
    let limited = http_body_util::Limited::new(body, crate::limits::as_usize(limit));
    limited
        .map_err(move |error| {
            if error.is::<http_body_util::LengthLimitError>() {
                ticket.fail(Failure::BodyTooLarge);
                WasiError::HttpRequestBodySize(Some(limit.as_u64()))
            } else {
                WasiError::ConnectionTerminated
            }
        })
        .boxed_unsync()
}

/// A body that notes on the ticket when the app waits for the client.
struct Sent<B> {
    body: Pin<Box<B>>,
    ticket: Arc<Ticket>,
}

impl<B: Body> Body for Sent<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let polled = self.body.as_mut().poll_frame(context);
        self.ticket.waits_for_body(if polled.is_pending() { Turn::Clients } else { Turn::Ours });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for Sent<B> {
    fn drop(&mut self) {
        self.ticket.waits_for_body(Turn::Ours);
    }
}
