//! Keeps a download to so many bytes a second. The sender is slowed by its own flow control: what is
//! not read is not sent.

use std::time::Duration;

use newleaf_domain::ByteSize;
use tokio::time::Instant;

/// Counts what a download took, and makes it wait.
#[derive(Debug)]
pub(super) struct Throttle {
    rate: Option<ByteSize>,
    began: Instant,
    taken: u64,
}

impl Throttle {
    /// Allows `rate` bytes a second from now on.
    pub(super) fn new(rate: Option<ByteSize>) -> Self {
        Self { rate, began: Instant::now(), taken: 0 }
    }

    /// Waits until `bytes` more are due.
    pub(super) async fn took(&mut self, bytes: usize) {
        self.taken += bytes as u64;
        if let Some(rate) = self.rate {
            tokio::time::sleep_until(self.began + due(self.taken, rate)).await;
        }
    }
}

/// After what time so many bytes are due.
fn due(taken: u64, rate: ByteSize) -> Duration {
    let rate = rate.as_u64().max(1);
    Duration::from_secs(taken / rate) + Duration::from_micros(taken % rate * 1_000_000 / rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_due_at_their_rate() {
        let rate = ByteSize::kib(1);
        assert_eq!(due(0, rate), Duration::ZERO);
        assert_eq!(due(512, rate), Duration::from_millis(500));
        assert_eq!(due(10 * 1024 + 256, rate), Duration::from_millis(10_250));
        assert_eq!(due(u64::from(u32::MAX) << 16, ByteSize::mib(512)).as_secs(), 524_287);
    }
}
