//! A road with a length: passes TCP on, each byte, end and reset later by half a round trip.
//!
//! What a client sees of a server that closes or resets is kept: an end is an end, a reset a
//! reset. Nothing is lost, reordered or held back for want of bandwidth.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rustix::net::sockopt::set_socket_linger;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

/// Parts that are on their way in one direction, at most.
const ON_THE_WAY: usize = 256;

/// The road; ends when this is dropped.
#[derive(Debug)]
pub struct Road {
    /// Where it begins.
    pub address: SocketAddr,
    runner: AbortHandle,
    seen: Arc<Mutex<Seen>>,
}

/// What the road saw of its far end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Connections that the far end did not take.
    pub refused: u64,
    /// Connections that the far end was first to close or reset.
    pub ends: u64,
}

/// What travels.
enum Part {
    Bytes(Bytes),
    End,
    Reset,
}

impl Road {
    /// A road to `far`, there and back in `round_trip`.
    pub async fn to(far: SocketAddr, round_trip: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Way { far, delay: round_trip / 2, seen: Arc::default() };
        let seen = Arc::clone(&way.seen);
        let runner = tokio::spawn(accept(listener, way)).abort_handle();
        Self { address, runner, seen }
    }

    /// What it saw so far.
    pub fn seen(&self) -> Seen {
        *self.seen.lock().unwrap()
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.runner.abort();
    }
}

/// What each connection goes by.
#[derive(Clone)]
struct Way {
    far: SocketAddr,
    delay: Duration,
    seen: Arc<Mutex<Seen>>,
}

async fn accept(listener: TcpListener, way: Way) {
    loop {
        // A client that is gone already is no matter of the road's.
        let Ok((near, _)) = listener.accept().await else { continue };
        tokio::spawn(way.clone().join(near));
    }
}

impl Way {
    /// Connects both ends, and resets the near one where the far one refuses.
    async fn join(self, near: TcpStream) {
        tokio::time::sleep(self.delay).await;
        let Ok(far) = TcpStream::connect(self.far).await else {
            self.seen.lock().unwrap().refused += 1;
            reset(&near);
            return;
        };
        let is_direct = near.set_nodelay(true).and_then(|()| far.set_nodelay(true));
        if is_direct.is_err() {
            reset(&near);
            return;
        }
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = far.into_split();
        // Whoever is first to end says so to the other way.
        let has_ended = AtomicBool::new(false);
        let there = async {
            pass(near_read, far_write, self.delay, || has_ended.store(true, Ordering::Relaxed))
                .await;
        };
        let back = async {
            pass(far_read, near_write, self.delay, || {
                if !has_ended.load(Ordering::Relaxed) {
                    self.seen.lock().unwrap().ends += 1;
                }
            })
            .await;
        };
        tokio::join!(there, back);
    }
}

/// Passes one direction on; `at_end` is called when its end is.
async fn pass(from: OwnedReadHalf, to: OwnedWriteHalf, delay: Duration, at_end: impl Fn()) {
    let (sender, receiver) = mpsc::channel(ON_THE_WAY);
    tokio::join!(take(from, sender, delay), give(receiver, to, at_end));
}

async fn give(
    mut receiver: mpsc::Receiver<(Instant, Part)>,
    mut to: OwnedWriteHalf,
    at_end: impl Fn(),
) {
    while let Some((due, part)) = receiver.recv().await {
        sleep_until(due).await;
        if !matches!(part, Part::Bytes(_)) {
            at_end();
        }
        let given = match part {
            Part::Bytes(bytes) => to.write_all(&bytes).await,
            Part::End => return drop(to.shutdown().await),
            Part::Reset => Err(io::ErrorKind::ConnectionReset.into()),
        };
        if given.is_err() {
            reset(to.as_ref());
            return;
        }
    }
}

async fn take(mut from: OwnedReadHalf, sender: mpsc::Sender<(Instant, Part)>, delay: Duration) {
    let mut space = vec![0; 64 * 1024];
    loop {
        let part = match from.read(&mut space).await {
            Ok(0) => Part::End,
            Ok(read) => Part::Bytes(Bytes::copy_from_slice(&space[..read])),
            Err(_) => Part::Reset,
        };
        let is_last = !matches!(part, Part::Bytes(_));
        if sender.send((Instant::now() + delay, part)).await.is_err() || is_last {
            return;
        }
    }
}

/// Makes the end of a connection a reset, once it is closed.
fn reset(stream: &TcpStream) {
    // One that is gone already is what was wanted.
    let _gone = set_socket_linger(stream, Some(Duration::ZERO));
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND_TRIP: Duration = Duration::from_millis(40);

    async fn pair() -> (TcpStream, TcpStream, Road) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let road = Road::to(listener.local_addr().unwrap(), ROUND_TRIP).await;
        let near = TcpStream::connect(road.address).await.unwrap();
        (near, listener.accept().await.unwrap().0, road)
    }

    #[tokio::test]
    async fn a_question_and_its_answer_take_a_round_trip_and_an_end_is_an_end() {
        let (mut near, mut far, _road) = pair().await;
        let began = Instant::now();
        near.write_all(b"?").await.unwrap();
        assert_eq!(far.read_u8().await.unwrap(), b'?');
        far.write_all(b"!").await.unwrap();
        drop(far);
        let mut answer = Vec::new();
        near.read_to_end(&mut answer).await.unwrap();
        assert_eq!(answer, b"!");
        assert!(began.elapsed() >= ROUND_TRIP);
    }

    #[tokio::test]
    async fn a_reset_is_a_reset() {
        let (mut near, far, _road) = pair().await;
        reset(&far);
        drop(far);
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn a_refusal_is_a_reset_and_is_counted() {
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let road = Road::to(nobody, ROUND_TRIP).await;
        let mut near = TcpStream::connect(road.address).await.unwrap();
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(road.seen().refused, 1);
    }
}
