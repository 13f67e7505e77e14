//! The end of a connection in stages (RFC 9112 §9.6): first this side says that it sends no more,
//! then it reads and throws away what the client still sends, within bounds.
//!
//! A system resets a connection that is closed while bytes lie there unread, and a reset may take
//! the last answer from a client that has not read it yet: one that is refused in the middle of
//! its upload would see a broken connection and no reason.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes that are read at a time.
const CHUNK: usize = 8 * 1024;

/// How much is still borne from a client whose last answer is sent.
#[derive(Debug, Clone, Copy)]
pub struct Ebb {
    /// How long it may be silent in the middle of a body that nobody reads.
    pub silent: Duration,
    /// The same where all that it had to send was read: it only has to hang up.
    pub hang_up: Duration,
    /// From the last answer to the end, whatever comes.
    pub within: Duration,
    /// Bytes that are thrown away.
    pub most: u64,
}

impl Default for Ebb {
    fn default() -> Self {
        Self {
            silent: Duration::from_secs(5),
            hang_up: Duration::from_secs(1),
            within: Duration::from_secs(30),
            most: 256 << 20,
        }
    }
}

/// What the client had left to send when the last answer was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing: all was read.
    Nothing,
    /// A part of a body.
    Body,
}

/// Reads on to the client's end, or to the bounds.
#[derive(Debug)]
pub(super) struct Ebbing {
    silent: Duration,
    over: Instant,
    left: u64,
    alarm: Pin<Box<Sleep>>,
}

impl Ebbing {
    /// From now on.
    pub(super) fn begin(ebb: Ebb, rest: Rest) -> Self {
        let silent = match rest {
            Rest::Nothing => ebb.hang_up,
            Rest::Body => ebb.silent,
        };
        let now = Instant::now();
        let over = now + ebb.within;
        let alarm = Box::pin(sleep_until(over.min(now + silent)));
        Self { silent, over, left: ebb.most, alarm }
    }

    /// Ready once the client has ended, or has had its time. A connection that breaks has ended.
    pub(super) fn poll_end<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let mut chunk = [0; CHUNK];
        while self.left > 0 {
            let mut buffer = ReadBuf::new(&mut chunk);
            let read = match Pin::new(&mut *stream).poll_read(context, &mut buffer) {
                Poll::Ready(read) => read.map(|()| buffer.filled().len()),
                Poll::Pending => return self.poll_alarm(context),
            };
            match read {
                Ok(0) => return Poll::Ready(()),
                Ok(bytes) => self.came(bytes),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }

    fn came(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes as u64);
        self.alarm.as_mut().reset(self.over.min(Instant::now() + self.silent));
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.alarm.as_mut().poll(context));
        Poll::Ready(())
    }
}
