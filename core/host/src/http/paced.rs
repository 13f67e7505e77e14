//! A request's body that must come at a pace: a client that sends a byte now and then keeps
//! nobody waiting.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::Activity;
use super::manners::Pace;

/// What became of a body that came too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request's body came too slowly: {came} bytes in {} s of waiting", waited.as_secs())]
pub(super) struct TooSlow {
    /// Bytes of it.
    pub(super) came: u64,
    /// How long it was waited for.
    pub(super) waited: Duration,
}

/// Tells the connection that a body came too slowly, whatever the handler makes of it.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    slow: OnceLock<TooSlow>,
    found: Notify,
}

impl Verdict {
    /// What was found so far.
    pub(super) fn slow(&self) -> Option<TooSlow> {
        self.slow.get().copied()
    }

    /// Waits until the body is found to come too slowly.
    pub(super) async fn found(&self) -> TooSlow {
        loop {
            let mut found = std::pin::pin!(self.found.notified());
            // Listen before looking, or it could be found in between.
            found.as_mut().enable();
            if let Some(slow) = self.slow() {
                return slow;
            }
            found.await;
        }
    }

    fn find(&self, slow: TooSlow) {
        // The first finding stands.
        let _ = self.slow.set(slow);
        self.found.notify_waiters();
    }
}

/// The body. Time counts only from a question that the client has not answered yet.
pub(super) struct PacedBody<B: HttpBody> {
    body: B,
    pace: Pace,
    verdict: Arc<Verdict>,
    activity: Arc<Activity>,
    is_over: bool,
    came: u64,
    waited: Duration,
    /// What both were when the present window began.
    window: (u64, Duration),
    since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl<B: HttpBody> PacedBody<B> {
    pub(super) fn new(body: B, pace: Pace, verdict: Arc<Verdict>, activity: Arc<Activity>) -> Self {
        let window = (0, Duration::ZERO);
        Self {
            body,
            pace,
            verdict,
            activity,
            is_over: false,
            came: 0,
            waited: Duration::ZERO,
            window,
            since: None,
            alarm: None,
        }
    }

    /// The client has sent something, or nothing more is to come.
    fn answered(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
        self.alarm = None;
        self.came += bytes as u64;
    }

    /// How much longer the client may be waited for, where what it owes in this window has not
    /// come. A window whose share has come gives way to the next.
    fn patience(&mut self) -> Duration {
        let Pace { rate, window, within } = self.pace;
        let owed = u128::from(rate) * window.as_millis() / 1000;
        if u128::from(self.came - self.window.0) >= owed {
            self.window = (self.came, self.waited);
        }
        let left = within.saturating_sub(self.waited);
        if rate == 0 {
            left
        } else {
            left.min((self.window.1 + window).saturating_sub(self.waited))
        }
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<TooSlow> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.alarm.is_none() {
            let until = since + self.patience();
            self.alarm = Some(Box::pin(sleep_until(until)));
        }
        if let Some(alarm) = &mut self.alarm {
            ready!(alarm.as_mut().poll(context));
        }
        Poll::Ready(TooSlow { came: self.came, waited: self.waited + since.elapsed() })
    }
}

impl<B> HttpBody for PacedBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
    B::Error: Into<axum::BoxError>,
{
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = &mut *self;
        if let Some(slow) = this.verdict.slow() {
            return Poll::Ready(Some(Err(slow.into())));
        }
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            this.answered(data.map_or(0, Bytes::len));
            this.is_over = frame.is_none();
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let slow = ready!(this.poll_alarm(context));
        this.verdict.find(slow);
        Poll::Ready(Some(Err(slow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B: HttpBody> Drop for PacedBody<B> {
    fn drop(&mut self) {
        if !self.is_over && !self.body.is_end_stream() {
            self.activity.left_unread();
        }
    }
}
