//! Clients of event streams, as browsers are: each comes back when it is told to, with the id of
//! the last event it has seen, and counts how its streams end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What came of all streams.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Streams {
    /// Opened.
    pub opened: u64,
    /// Events received.
    pub events: u64,
    /// Ended between two events, after the server said when to come back.
    pub told: u64,
    /// Ended in any other way, with the reasons.
    pub broken: Vec<String>,
}

/// Listeners that go on until they are stopped.
#[derive(Debug)]
pub struct Listeners {
    tasks: JoinSet<()>,
    streams: Arc<Mutex<Streams>>,
    opened: Arc<tokio::sync::Notify>,
}

impl Listeners {
    /// Opens `count` streams of `path` and waits until each is open.
    pub async fn open(address: SocketAddr, path: &'static str, count: u64) -> Self {
        let (streams, opened) = (Arc::default(), Arc::new(tokio::sync::Notify::new()));
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            let listener = Listener {
                address,
                path,
                streams: Arc::clone(&streams),
                opened: Arc::clone(&opened),
            };
            tasks.spawn(listener.listen());
        }
        let listeners = Self { tasks, streams, opened };
        while listeners.so_far().opened < count {
            listeners.opened.notified().await;
        }
        listeners
    }

    /// What came so far.
    pub fn so_far(&self) -> Streams {
        self.streams.lock().unwrap().clone()
    }

    /// Ends all and returns what came.
    pub async fn stop(mut self) -> Streams {
        self.tasks.shutdown().await;
        self.so_far()
    }
}

struct Listener {
    address: SocketAddr,
    path: &'static str,
    streams: Arc<Mutex<Streams>>,
    opened: Arc<tokio::sync::Notify>,
}

/// What a listener knows of its stream.
#[derive(Default)]
struct Heard {
    /// A line that has not ended.
    rest: String,
    id: String,
    retry: Option<Duration>,
    /// Fields since the last empty line.
    fields: u32,
    events: u64,
}

impl Listener {
    async fn listen(self) {
        let mut id = String::new();
        loop {
            let mut heard = Heard { id, ..Heard::default() };
            let ended = self.one(&mut heard).await;
            let pause = {
                let mut streams = self.streams.lock().unwrap();
                streams.events += heard.events;
                match (ended, heard.retry) {
                    (Ok(()), Some(retry)) if heard.fields == 0 => {
                        streams.told += 1;
                        retry
                    }
                    (Ok(()), _) => {
                        streams.broken.push("ended without a word".to_owned());
                        Duration::from_secs(1)
                    }
                    (Err(why), _) => {
                        streams.broken.push(why);
                        Duration::from_secs(1)
                    }
                }
            };
            id = heard.id;
            tokio::time::sleep(pause).await;
        }
    }

    /// One stream, from its request to its end.
    async fn one(&self, heard: &mut Heard) -> Result<(), String> {
        let told = |what: &'static str| move |error| format!("{what}: {error:?}");
        let stream =
            TcpStream::connect(self.address).await.map_err(|error| format!("connect: {error}"))?;
        let (mut sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(told("handshake"))?;
        // Its error is the error of the stream.
        let connection = tokio::spawn(connection);
        let request = Request::get(self.path)
            .header("host", self.address.to_string())
            .header("last-event-id", &heard.id)
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await.map_err(told("request"))?;
        if answer.status() != 200 {
            return Err(format!("status {}", answer.status()));
        }
        self.streams.lock().unwrap().opened += 1;
        self.opened.notify_one();
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.map_err(told("stream"))?.into_data() {
                heard.take(&data);
            }
        }
        drop(sender);
        drop(connection.await);
        Ok(())
    }
}

impl Heard {
    /// Reads what came, line by line (HTML §9.2.6).
    fn take(&mut self, data: &[u8]) {
        self.rest.push_str(&String::from_utf8_lossy(data));
        while let Some((line, rest)) = self.rest.split_once('\n') {
            let (line, rest) = (line.to_owned(), rest.to_owned());
            self.rest = rest;
            match line.split_once(": ") {
                _ if line.is_empty() => {
                    self.events += u64::from(self.fields > 0);
                    self.fields = 0;
                }
                Some(("id", id)) => id.clone_into(&mut self.id),
                Some(("retry", ms)) => self.retry = ms.parse().ok().map(Duration::from_millis),
                Some(_) => self.fields += 1,
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_whatever_its_parts() {
        let mut heard = Heard::default();
        for part in ["event: notice\nid: 7\nda", "ta: 7\n\n:\n\nre", "try: 250\n\n"] {
            heard.take(part.as_bytes());
        }
        assert_eq!((heard.events, heard.fields, heard.id.as_str()), (1, 0, "7"));
        assert_eq!(heard.retry, Some(Duration::from_millis(250)));
    }
}
