//! The bodies of a request to the outside and of its answer: bounded in size and time, counted.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use newleaf_domain::ByteSize;
use tokio::time::{Sleep, sleep, sleep_until};
use wasmtime_wasi_http::{Error as Code, WasiBody};

use super::{
    client::{Place, Trip},
    refusal::Refusal,
};

/// The body of a request, as the app writes it.
pub(crate) struct Sent {
    inner: WasiBody,
    left: u64,
    trip: Arc<Trip>,
}

impl Sent {
    /// # Errors
    /// It says beforehand that it is too large.
    pub(crate) fn new(
        inner: WasiBody,
        headers: &HeaderMap,
        trip: &Arc<Trip>,
    ) -> Result<Self, Refusal> {
        let limit = trip.limits().request_body;
        let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let said = said.and_then(|length| length.parse().ok()).unwrap_or(0);
        if inner.size_hint().lower().max(said) > limit.as_u64() {
            return Err(Refusal::RequestBody(limit));
        }
        Ok(Self { inner, left: limit.as_u64(), trip: trip.clone() })
    }

    /// The error for the HTTP library, noted at once: it may come to nobody else's ears.
    fn refused(&self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        self.trip.refuse(refusal.clone());
        Poll::Ready(Some(Err(refusal)))
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => frame,
            // Only the app that wrote it can break it off, or its end.
            Some(Err(_)) => return self.refused(Refusal::RequestBrokenOff),
            None => return Poll::Ready(None),
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        if length > self.left {
            return self.refused(Refusal::RequestBody(self.trip.limits().request_body));
        }
        self.left -= length;
        self.trip.counters().sent.fetch_add(length, Relaxed);
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer, as the app reads it. Keeps the request's place until it is dropped.
pub(crate) struct Answer {
    inner: Incoming,
    left: u64,
    limit: ByteSize,
    trip: Arc<Trip>,
    overall: Pin<Box<Sleep>>,
    stall: Duration,
    /// Runs while the other side is waited for, not while the app takes its time.
    quiet: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Answer {
    /// # Errors
    /// It says beforehand that it is too large.
    pub(crate) fn new(
        inner: Incoming,
        trip: &Arc<Trip>,
        stall: Duration,
        place: Place,
    ) -> Result<Self, Refusal> {
        let limit = trip.limits().response_body;
        if inner.size_hint().lower() > limit.as_u64() {
            return Err(Refusal::ResponseBody(limit));
        }
        Ok(Self {
            inner,
            left: limit.as_u64(),
            limit,
            overall: Box::pin(sleep_until(trip.deadline)),
            trip: trip.clone(),
            stall,
            quiet: None,
            _place: place,
        })
    }

    /// As `wasi:http` takes it.
    pub(crate) fn boxed(self) -> WasiBody {
        self.boxed_unsync()
    }

    /// Why the answer is waited for no longer.
    fn patience(&mut self, context: &mut Context<'_>) -> Poll<Refusal> {
        let stall = self.stall;
        let quiet = self.quiet.get_or_insert_with(|| Box::pin(sleep(stall)));
        ready!(quiet.as_mut().poll(context));
        Poll::Ready(Refusal::Stalled(stall))
    }

    fn take(&mut self, frame: &Frame<Bytes>) -> Result<(), Refusal> {
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        if length > self.left {
            return Err(Refusal::ResponseBody(self.limit));
        }
        self.left -= length;
        self.trip.counters().received.fetch_add(length, Relaxed);
        Ok(())
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Code;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Code>>> {
        let this = &mut *self;
        if this.overall.as_mut().poll(context).is_ready() {
            let refusal = Refusal::Overall(this.trip.limits().within);
            return Poll::Ready(Some(Err(this.trip.refuse(refusal))));
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let refusal = ready!(this.patience(context));
                return Poll::Ready(Some(Err(this.trip.refuse(refusal))));
            }
        };
        this.quiet = None;
        let taken = match frame {
            None => return Poll::Ready(None),
            Some(Ok(frame)) => this.take(&frame).map(|()| frame),
            Some(Err(_)) => Err(Refusal::BrokenOff),
        };
        Poll::Ready(Some(taken.map_err(|refusal| this.trip.refuse(refusal))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
