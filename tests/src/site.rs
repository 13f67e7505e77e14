//! A web site on loopback, for apps that read others': a few documents, each with its `ETag`, and a
//! count of what was asked.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use newleaf_domain::Digest;

use crate::build::source_root;

/// A site that is served until the process ends.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    documents: Mutex<HashMap<String, Document>>,
    asked: AtomicUsize,
    unchanged: AtomicUsize,
}

#[derive(Debug, Clone)]
struct Document {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
}

impl Site {
    /// A site without documents; every address is answered with 404.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Self { address: listener.local_addr().unwrap(), shared: Arc::default() };
        let shared = site.shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                // A client that goes away is no fault of the site.
                std::thread::spawn(move || shared.answer(stream).ok());
            }
        });
        site
    }

    /// Serves `body` at `path` from now on.
    pub fn put(&self, path: &str, kind: &'static str, body: impl Into<Vec<u8>>) {
        self.put_with(path, 200, kind, body);
    }

    /// The same with another status.
    pub fn put_with(&self, path: &str, status: u16, kind: &'static str, body: impl Into<Vec<u8>>) {
        let document = Document { status, kind, body: body.into() };
        self.shared.documents().insert(path.to_owned(), document);
    }

    /// The address of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The manifest's members by which the app in `folder` of the source tree asks for this site's
    /// host, beside what it asks for already.
    pub fn asked_for_by(&self, folder: &str) -> serde_json::Value {
        let manifest = std::fs::read(source_root().join(folder).join("manifest.json")).unwrap();
        let mut manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let capabilities = manifest["capabilities"].as_array_mut().unwrap();
        capabilities.push(serde_json::json!({
            "kind": "http",
            "host": self.address.to_string(),
            "reason": "To fetch the feeds that are published there.",
        }));
        serde_json::json!({ "capabilities": capabilities })
    }

    /// How many requests came, and how many of them were answered with 304.
    pub fn asked(&self) -> (usize, usize) {
        (self.shared.asked.load(Relaxed), self.shared.unchanged.load(Relaxed))
    }
}

impl Shared {
    fn documents(&self) -> std::sync::MutexGuard<'_, HashMap<String, Document>> {
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        let line = lines.next().transpose()?.unwrap_or_default();
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut known = None;
        for line in lines {
            let line = line?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("if-none-match")
            {
                known = Some(value.trim().to_owned());
            }
        }
        self.asked.fetch_add(1, Relaxed);
        let found = self.documents().get(&path).cloned();
        let Document { status, kind, body } =
            found.unwrap_or(Document { status: 404, kind: "text/plain", body: Vec::new() });
        let etag = format!("\"{}\"", &Digest::of(&body).to_string()[..16]);
        let (status, body) = if known == Some(etag.clone()) {
            self.unchanged.fetch_add(1, Relaxed);
            (304, Vec::new())
        } else {
            (status, body)
        };
        write!(
            stream,
            "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\netag: {etag}\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        )?;
        stream.write_all(&body)
    }
}
