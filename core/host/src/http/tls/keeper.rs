//! Keeps one door's certificate: serves the newest pair that fits, and tells what is wrong with
//! the files where they hold another one.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use newleaf_domain::{Clock, Timestamp};
use newleaf_update::view::{Notice, Severity};
use rustls::crypto::ring;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::pair::{self, Pair, PairError};
use crate::config::Tls;
use crate::shutdown::ShutdownWatch;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What is told of a file without being read: device, inode, size, and when bytes or rights last
/// changed.
type Mark = Option<[i64; 7]>;

/// One door's certificate.
#[derive(Debug)]
pub struct Keeper {
    door: &'static str,
    files: Tls,
    clock: Arc<dyn Clock>,
    serving: ArcSwapOption<Pair>,
    seen: Mutex<Seen>,
}

/// What the last look found.
#[derive(Debug)]
struct Seen {
    marks: [Mark; 2],
    trouble: Option<PairError>,
    /// What was logged last.
    told: Option<String>,
}

impl Keeper {
    /// Reads the files of the door called `door`. One that cannot be served yet is looked at
    /// again, and until then its handshakes fail.
    pub fn open(door: &'static str, files: Tls, clock: Arc<dyn Clock>) -> Arc<Self> {
        let seen = Seen { marks: [None; 2], trouble: None, told: None };
        let (serving, seen) = (ArcSwapOption::empty(), Mutex::new(seen));
        let keeper = Self { door, files, clock, serving, seen };
        let marks = keeper.marks();
        keeper.seen().marks = marks;
        keeper.read();
        keeper.tell();
        Arc::new(keeper)
    }

    /// What accepts with it: HTTP/2 or HTTP/1.1 over TLS 1.3 or 1.2.
    ///
    /// # Errors
    /// The provider of cryptography has neither version.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, Error> {
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Looks at the files until told to finish.
    pub async fn follow(self: Arc<Self>, watch: ShutdownWatch) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = watch.begun() => return,
            }
            let keeper = Arc::clone(&self);
            if tokio::task::spawn_blocking(move || keeper.look()).await.is_err() {
                tracing::error!(door = self.door, "the certificate's files are not looked at");
            }
        }
    }

    /// Looks at the files once. What is wrong is told when a second look finds the same files,
    /// since two files are never replaced at once.
    pub fn look(&self) {
        let marks = self.marks();
        let is_new = std::mem::replace(&mut self.seen().marks, marks) != marks;
        if is_new {
            self.read();
        } else {
            self.tell();
        }
    }

    /// What is wrong; none while the files hold what is served, and that is good.
    pub fn notice(&self) -> Option<Notice> {
        let seen = self.seen();
        let expired = self.expired();
        let trouble = seen.trouble.as_ref().or(expired.as_ref())?;
        let served = match (self.serving.load().as_ref(), expired.is_some()) {
            (None, _) => "nothing can be served there",
            (Some(_), true) => "the expired one is served, and clients refuse it",
            (Some(_), false) => "the certificate from before is served on",
        };
        let is_bad = expired.is_some() || self.is_silent();
        Some(Notice {
            severity: if is_bad { Severity::Error } else { Severity::Warning },
            text: format!("The {} addresses: failed to {trouble}; {served}.", self.door),
            todo: Some(trouble.todo()),
            command: Some(trouble.command()),
            update: None,
        })
    }

    /// Whether there is nothing to serve.
    pub fn is_silent(&self) -> bool {
        self.serving.load().is_none()
    }

    /// Reads both files, and serves them where they fit; an expired pair only where there is no
    /// better one.
    fn read(&self) {
        let found = pair::load(&self.files).and_then(|pair| match self.expiry(&pair) {
            Some(error) if !self.is_silent() && self.expired().is_none() => Err(error),
            Some(_) | None => Ok(pair),
        });
        let mut seen = self.seen();
        match found {
            Ok(pair) => {
                let until = pair.until.map(|until| until.to_string());
                tracing::info!(door = self.door, until, "a certificate is served");
                self.serving.store(Some(Arc::new(pair)));
                seen.trouble = None;
            }
            Err(error) => seen.trouble = Some(error),
        }
    }

    /// Logs what is wrong, once.
    fn tell(&self) {
        let notice = self.notice();
        let text = notice.as_ref().map(|notice| notice.text.clone());
        let is_new = self.seen().told != text;
        if let (true, Some(Notice { text, todo, command, .. })) = (is_new, notice) {
            tracing::warn!(door = self.door, todo, command, "{text}");
        }
        self.seen().told = text;
    }

    /// What is served has expired.
    fn expired(&self) -> Option<PairError> {
        self.serving.load().as_ref().and_then(|pair| self.expiry(pair))
    }

    fn expiry(&self, pair: &Pair) -> Option<PairError> {
        let until: Timestamp = pair.until.filter(|until| *until < self.clock.now())?;
        Some(PairError::Expired { path: self.files.certificate.clone(), until })
    }

    fn marks(&self) -> [Mark; 2] {
        [mark(&self.files.certificate), mark(&self.files.key)]
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Keeper {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.serving.load().as_ref().map(|pair| Arc::clone(&pair.key))
    }
}

fn mark(path: &Path) -> Mark {
    let found = std::fs::metadata(path).ok()?;
    let unsigned = [found.dev(), found.ino(), found.size()].map(u64::cast_signed);
    let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
    let [dev, ino, size] = unsigned;
    let [written, written_nsec, changed, changed_nsec] = times;
    Some([dev, ino, size, written, written_nsec, changed, changed_nsec])
}
