//! Files that change under a door, and what their operator reads.

use std::path::Path;
use std::sync::Arc;

use newleaf_domain::{Clock, FixedClock, Timestamp};
use newleaf_update::view::Severity;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tempfile::TempDir;
use tokio_rustls::TlsConnector;

use super::Keeper;
use crate::config::Tls;

/// Certificates of `localhost`, each in one file with its key: two that are good until 2120, and
/// one that expired in 2021.
const SAMPLES: [(&str, &[u8]); 3] = [
    ("one", include_bytes!("sample/one.pem")),
    ("two", include_bytes!("sample/two.pem")),
    ("expired", include_bytes!("sample/expired.pem")),
];

fn sample(name: &str) -> &'static [u8] {
    SAMPLES.iter().find(|sample| sample.0 == name).unwrap().1
}

/// A folder with the files of a door.
pub(crate) struct Files(TempDir);

impl Files {
    pub(crate) fn of(name: &str) -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        files.put(name, name);
        files
    }

    /// Puts the certificate and key of these samples there, as a renewal does: by a new file.
    pub(crate) fn put(&self, certificate: &str, key: &str) {
        self.write("certificate.pem", sample(certificate));
        self.write("key.pem", sample(key));
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let beside = self.0.path().join("new");
        std::fs::write(&beside, bytes).unwrap();
        std::fs::rename(beside, self.0.path().join(name)).unwrap();
    }

    fn tls(&self) -> Tls {
        let tls = Tls { certificate: "certificate.pem".into(), key: "key.pem".into() };
        tls.below(self.0.path())
    }

    pub(crate) fn keeper(&self) -> Arc<Keeper> {
        self.keeper_in("2026-11-21T02:30:00Z")
    }

    fn keeper_in(&self, now: &str) -> Arc<Keeper> {
        let clock: Arc<dyn Clock> = Arc::new(FixedClock(Timestamp::parse(now).unwrap()));
        Keeper::open("public", self.tls(), clock)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

/// What a client connects with that believes in this sample alone.
pub(crate) fn connector(name: &str, alpn: &[&[u8]]) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(sample(name)).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

/// What is told, once two looks found the same.
fn told(keeper: &Keeper) -> Option<(Severity, String, String)> {
    keeper.look();
    keeper.look();
    let notice = keeper.notice()?;
    Some((notice.severity, notice.text, notice.command.unwrap()))
}

#[test]
fn a_broken_pair_is_told_and_the_one_before_is_served_on() {
    let files = Files::of("one");
    let keeper = files.keeper();
    assert!(keeper.notice().is_none() && !keeper.is_silent());

    files.put("one", "two");
    let (severity, text, command) = told(&keeper).unwrap();
    assert_eq!(severity, Severity::Warning);
    assert!(text.contains("the key belongs to another certificate"), "{text}");
    assert!(text.ends_with("the certificate from before is served on."), "{text}");
    assert!(command.starts_with("openssl x509 -noout -pubkey -in "), "{command}");

    std::fs::write(files.path().join("key.pem"), "not PEM").unwrap();
    let (_, text, command) = told(&keeper).unwrap();
    assert!(text.contains("failed to find a private key in ") && text.contains("there is none"));
    assert!(command.starts_with("grep BEGIN "), "{command}");

    std::fs::remove_file(files.path().join("certificate.pem")).unwrap();
    let (_, text, _) = told(&keeper).unwrap();
    assert!(text.contains("failed to read ") && text.contains("No such file"), "{text}");

    files.put("expired", "expired");
    let (severity, text, command) = told(&keeper).unwrap();
    assert_eq!(severity, Severity::Warning);
    assert!(text.contains("it expired at 2021-01-01T00:00:00Z; the certificate from"), "{text}");
    assert!(command.starts_with("openssl x509 -noout -subject -dates -in "), "{command}");

    files.put("two", "two");
    assert_eq!(told(&keeper), None);
}

#[test]
fn nothing_to_serve_is_an_error_until_the_files_are_there() {
    let files = Files::of("one");
    std::fs::remove_file(files.path().join("key.pem")).unwrap();
    let keeper = files.keeper();
    assert!(keeper.is_silent());
    let (severity, text, command) = told(&keeper).unwrap();
    assert_eq!(severity, Severity::Error);
    assert!(text.ends_with("nothing can be served there."), "{text}");
    assert!(command.starts_with("ls -lL "), "{command}");
    files.put("one", "one");
    assert_eq!(told(&keeper), None);
    assert!(!keeper.is_silent());
}

#[test]
fn an_expired_certificate_is_served_where_there_is_no_better_one() {
    let files = Files::of("expired");
    let keeper = files.keeper();
    assert!(!keeper.is_silent());
    let (severity, text, _) = told(&keeper).unwrap();
    assert_eq!(severity, Severity::Error);
    assert!(text.ends_with("the expired one is served, and clients refuse it."), "{text}");
    files.put("one", "one");
    assert_eq!(told(&keeper), None);
}

#[test]
fn one_that_expires_while_it_is_served_is_told() {
    let files = Files::of("one");
    let keeper = files.keeper_in("2120-01-01T00:00:01Z");
    let (severity, text, _) = told(&keeper).unwrap();
    assert_eq!(severity, Severity::Error);
    assert!(text.contains("it expired at 2120-01-01T00:00:00Z"), "{text}");
}

#[test]
fn half_of_a_renewal_is_not_told() {
    let files = Files::of("one");
    let keeper = files.keeper();
    files.put("two", "one");
    keeper.look();
    files.put("two", "two");
    assert_eq!(told(&keeper), None);
}
