//! Tells everything in a worker that it is to finish.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// The one that says so.
#[derive(Debug)]
pub struct Shutdown(watch::Sender<Option<End>>);

/// When what is left is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    at: Instant,
    /// Whether another worker serves meanwhile, so that nothing waits for this one.
    is_handed_over: bool,
}

/// One that listens. Cheap to clone.
///
/// A product's own routes take it as an extractor. An event stream needs nothing (the host tells
/// its client to come back, and ends it), but a connection that a route took over is the route's
/// to end: a WebSocket is closed with 1012, *service restart* (RFC 6455 §7.4, IANA's registry), when
/// [`Self::begun`] returns, and whatever is open when [`Self::over`] would return is cut.
///
/// ```
/// use newleaf::shutdown::ShutdownWatch;
///
/// async fn talk(watch: ShutdownWatch) {
///     tokio::select! {
///         () = conversation() => {}
///         () = watch.begun() => { /* send the close frame, then return */ }
///     }
/// }
/// # async fn conversation() {}
/// ```
#[derive(Debug, Clone)]
pub struct ShutdownWatch(watch::Receiver<Option<End>>);

impl Shutdown {
    /// A pair of both.
    pub fn new() -> (Self, ShutdownWatch) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), ShutdownWatch(receiver))
    }

    /// Begins it: after `within` whatever is left is cut. A second call can only shorten the time.
    pub fn begin(&self, within: Duration) {
        self.end(End { at: Instant::now() + within, is_handed_over: false });
    }

    /// The same where another worker serves already: who has nothing under way keeps his
    /// connection for almost all of that time, for whatever he asks next.
    pub fn hand_over(&self, within: Duration) {
        self.end(End { at: Instant::now() + within, is_handed_over: true });
    }

    fn end(&self, next: End) {
        self.0.send_if_modified(|set| {
            let sooner = set.map_or(next, |set| End {
                at: set.at.min(next.at),
                is_handed_over: set.is_handed_over && next.is_handed_over,
            });
            let changes = *set != Some(sooner);
            *set = Some(sooner);
            changes
        });
    }
}

impl<S: Sync> FromRequestParts<S> for ShutdownWatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(Self::never))
    }
}

impl ShutdownWatch {
    /// One that never begins: of a request that no worker serves, as in a test of a router.
    pub fn never() -> Self {
        Shutdown::new().1
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until it begins. Long answers, such as event streams, end themselves then.
    pub async fn begun(&self) {
        let mut receiver = self.0.clone();
        let begun = receiver.wait_for(Option::is_some).await.is_ok();
        if !begun {
            // The one that could say so is gone; nothing will ever begin.
            std::future::pending::<()>().await;
        }
    }

    /// How much longer a connection on which nothing is under way stays open, if it is to be
    /// closed `ahead` of being cut; zero where the host waits for this worker's end.
    pub(crate) fn idle_stays(&self, ahead: Duration) -> Duration {
        match *self.0.borrow() {
            Some(End { at, is_handed_over: true }) => {
                at.saturating_duration_since(Instant::now()).saturating_sub(ahead)
            }
            Some(End { is_handed_over: false, .. }) => Duration::ZERO,
            None => Duration::MAX,
        }
    }

    /// Waits until it ends otherwise than was said.
    pub(crate) async fn changed(&self) {
        let mut receiver = self.0.clone();
        receiver.mark_unchanged();
        if receiver.changed().await.is_err() {
            // As above.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until what is left is to be cut.
    pub async fn over(&self) {
        let mut receiver = self.0.clone();
        loop {
            let end = *receiver.borrow_and_update();
            let over = async {
                match end {
                    Some(end) => sleep_until(end.at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => return,
                Ok(()) = receiver.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_beginning_only_shortens() {
        let (shutdown, watch) = Shutdown::new();
        assert!(!watch.has_begun());
        shutdown.begin(Duration::from_hours(1));
        shutdown.begin(Duration::from_hours(2));
        watch.begun().await;
        let over = tokio::spawn(async move { watch.over().await });
        shutdown.begin(Duration::ZERO);
        over.await.unwrap();
    }

    #[test]
    fn an_idle_connection_stays_while_another_worker_serves_and_not_at_the_hosts_end() {
        const MINUTE: Duration = Duration::from_mins(1);
        let (shutdown, watch) = Shutdown::new();
        shutdown.hand_over(2 * MINUTE);
        assert!(watch.idle_stays(MINUTE) > MINUTE / 2);
        assert_eq!(watch.idle_stays(2 * MINUTE), Duration::ZERO);
        shutdown.begin(3 * MINUTE);
        assert_eq!(watch.idle_stays(Duration::ZERO), Duration::ZERO);
        shutdown.hand_over(2 * MINUTE);
        assert_eq!(watch.idle_stays(Duration::ZERO), Duration::ZERO, "the end was taken back");
    }
}
