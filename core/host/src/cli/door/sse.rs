//! Reads an event stream (WHATWG HTML §9.2.6) of the API back into events.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt as _;

use crate::route::UpdateEvent;

/// The longest event that is read, in bytes; a report of an update is far below it.
const MAX_EVENT: usize = 4 * 1024 * 1024;

/// The events of one answer, in order.
#[derive(Debug)]
pub(crate) struct Events {
    body: Body,
    buffer: Vec<u8>,
}

/// What came next.
#[derive(Debug)]
pub(crate) enum NextEvent {
    /// An event.
    Event(Box<UpdateEvent>),
    /// The stream ended, or broke.
    Closed,
}

impl Events {
    /// The events in `body`.
    pub(super) const fn new(body: Body) -> Self {
        Self { body, buffer: Vec::new() }
    }

    /// The next event. One of a kind that this version does not know is passed over.
    pub(crate) async fn next(&mut self) -> NextEvent {
        loop {
            while let Some(block) = self.block() {
                if let Some(event) = parsed(&block) {
                    return NextEvent::Event(Box::new(event));
                }
            }
            match self.chunk().await {
                Some(bytes) if self.buffer.len() + bytes.len() <= MAX_EVENT => {
                    self.buffer.extend(bytes);
                }
                Some(_) | None => return NextEvent::Closed,
            }
        }
    }

    async fn chunk(&mut self) -> Option<Bytes> {
        loop {
            match self.body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some(data);
                    }
                }
                Err(error) => {
                    tracing::debug!("event stream broke: {error}");
                    return None;
                }
            }
        }
    }

    /// The next whole block, up to its empty line.
    fn block(&mut self) -> Option<String> {
        let end = self.buffer.windows(2).position(|pair| pair == b"\n\n")?;
        let block = self.buffer.drain(..end + 2).collect::<Vec<_>>();
        Some(String::from_utf8_lossy(&block).into_owned())
    }
}

fn parsed(block: &str) -> Option<UpdateEvent> {
    let data = block
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .map(|data| data.strip_prefix(' ').unwrap_or(data))
        .collect::<Vec<_>>()
        .join("\n");
    serde_json::from_str(&data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn events_are_read_across_chunks_and_comments_are_passed_over() {
        let progress = r#"{"event":"progress","step":"fetch","progress":{"current":5,"total":9,"unit":"bytes"}}"#;
        let text = format!(
            ": keep-alive\n\nid: 7\nevent: progress\ndata: {progress}\n\ndata: {progress}\n\n"
        );
        let (one, two) = text.split_at(40);
        let chunks = [one, two]
            .map(|part| Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(part.as_bytes())));
        let mut events = Events::new(Body::from_stream(futures_util::stream::iter(chunks)));
        for _ in 0..2 {
            let NextEvent::Event(event) = events.next().await else {
                panic!("an event is missing")
            };
            assert!(matches!(*event, UpdateEvent::Progress { .. }));
        }
        assert!(matches!(events.next().await, NextEvent::Closed));
    }
}
