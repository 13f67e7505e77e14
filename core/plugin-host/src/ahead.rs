//! Reads the beginning of a request's body before the request counts as running, so that a client
//! that sends slowly takes no place of the app and keeps no update waiting.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

/// How much is read ahead: more than most forms and API calls have. Bounds what a waiting request
/// keeps in memory.
const AHEAD: usize = 16 * 1024;

/// A body of which the beginning may have been read already.
pub(crate) struct Ahead<B: Body> {
    read: VecDeque<Frame<Bytes>>,
    bytes: usize,
    rest: Option<Pin<Box<B>>>,
}

/// The client broke off while it was waited for.
#[derive(Debug)]
pub(crate) struct BrokenOff;

impl<B: Body<Data = Bytes>> Ahead<B> {
    /// Nothing of `body` read yet.
    pub(crate) fn of(body: B) -> Self {
        let rest = (!body.is_end_stream()).then(|| Box::pin(body));
        Self { read: VecDeque::new(), bytes: 0, rest }
    }

    /// Whether some of what is read ahead has not come yet. A body that says it is longer than
    /// `limit` is not waited for, since it will be refused.
    pub(crate) fn is_expected(&self, limit: u64) -> bool {
        self.rest.is_some() && self.bytes < AHEAD && self.size_hint().lower() <= limit
    }

    /// Reads ahead. Dropping the future loses nothing that was read.
    pub(crate) async fn fill(&mut self) -> Result<(), BrokenOff> {
        while self.bytes < AHEAD {
            let Some(rest) = &mut self.rest else { break };
            match rest.frame().await {
                None => self.rest = None,
                Some(Err(_)) => return Err(BrokenOff),
                Some(Ok(frame)) => {
                    self.bytes += frame.data_ref().map_or(0, Bytes::len);
                    self.read.push_back(frame);
                    if rest.is_end_stream() {
                        self.rest = None;
                    }
                }
            }
        }
        Ok(())
    }
}

impl<B: Body<Data = Bytes>> Body for Ahead<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Some(frame) = self.read.pop_front() {
            self.bytes -= frame.data_ref().map_or(0, Bytes::len);
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.rest {
            Some(rest) => rest.as_mut().poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let read = self.bytes as u64;
        let rest = match &self.rest {
            Some(rest) => rest.size_hint(),
            None => SizeHint::with_exact(0),
        };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn what_was_read_ahead_is_read_once() {
        let mut body = Ahead::of(Full::new(Bytes::from_static(b"all of it")));
        assert!(body.is_expected(100) && !body.is_expected(3));
        body.fill().await.unwrap();
        assert!(!body.is_expected(100));
        assert_eq!(body.size_hint().exact(), Some(9));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "all of it");
    }

    #[tokio::test]
    async fn no_more_is_read_than_is_kept() {
        let half = || Ok(Frame::data(Bytes::from(vec![0; AHEAD / 2])));
        let mut body = Ahead::of(Frames([half(), half(), half()].into()));
        body.fill().await.unwrap();
        assert_eq!(body.size_hint().lower(), AHEAD as u64);
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), AHEAD / 2 * 3);
    }

    #[tokio::test]
    async fn a_client_that_breaks_off_is_told_apart() {
        let frames = [Ok(Frame::data(Bytes::from_static(b"a"))), Err("gone")];
        assert!(Ahead::of(Frames(frames.into())).fill().await.is_err());
    }

    struct Frames(VecDeque<Result<Frame<Bytes>, &'static str>>);

    impl Body for Frames {
        type Data = Bytes;
        type Error = &'static str;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            Poll::Ready(self.0.pop_front())
        }
    }
}
