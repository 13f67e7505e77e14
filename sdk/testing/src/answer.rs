//! An answer of the app, whole.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use newleaf_plugin_host::{AppBody, Failure};

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body; what came before it broke off, where it did.
    pub body: Bytes,
    /// Why the host answered in the app's place, where it did.
    pub failure: Option<Failure>,
    /// Why the body broke off, where it did.
    pub broken_off: Option<String>,
}

impl Answer {
    /// Reads a response to its end.
    pub async fn read(response: http::Response<AppBody>) -> Self {
        let (parts, mut body) = response.into_parts();
        let (mut read, mut broken_off) = (Vec::new(), None);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => read.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                Err(error) => {
                    broken_off = Some(error.to_string());
                    break;
                }
            }
        }
        Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: read.into(),
            failure: parts.extensions.get().copied(),
            broken_off,
        }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header field as text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
