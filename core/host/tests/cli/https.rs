//! A host that speaks HTTPS by itself: its doors, a renewal, and files that do not fit.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::place::Place;
use crate::serving::Host;

/// Certificates of `localhost` and `127.0.0.1`, each in one file with its key.
const ONE: &[u8] = include_bytes!("../../src/http/tls/sample/one.pem");
const TWO: &[u8] = include_bytes!("../../src/http/tls/sample/two.pem");

/// The host looks at its files every two seconds.
const LOOKED: Duration = Duration::from_mins(1);

fn start() -> Host {
    let place = Place::with_host();
    let settings = place.dir().join("newleaf.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let pair = r#"tls = { certificate = "tls/cert.pem", key = "tls/key.pem" }"#;
    let listen = format!("[listen]\npublic_{pair}\nadmin_{pair}\n");
    std::fs::write(settings, text.replace("[listen]\n", &listen)).unwrap();
    std::fs::create_dir(place.dir().join("tls")).unwrap();
    put(&place.dir(), ONE, ONE);
    let host = Host::start_at("https", place);
    // The first answer: now the worker is there.
    get(&host.public, ONE, "/").unwrap();
    host
}

/// Puts these files there as a renewal does: each by a new file.
fn put(dir: &Path, certificate: &[u8], key: &[u8]) {
    for (name, bytes) in [("cert.pem", certificate), ("key.pem", key)] {
        let beside = dir.join("tls/new");
        std::fs::write(&beside, bytes).unwrap();
        std::fs::rename(beside, dir.join("tls").join(name)).unwrap();
    }
}

/// Sends a request over HTTP/1.1 to a host that must show this certificate.
fn ask(address: &str, believed: &[u8], request: &str) -> std::io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(believed).unwrap()).unwrap();
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let client = ClientConnection::new(Arc::new(config), "127.0.0.1".try_into().unwrap()).unwrap();
    let mut stream = StreamOwned::new(client, TcpStream::connect(address)?);
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    // An end without close_notify is an error.
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn get(address: &str, believed: &[u8], path: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    ask(address, believed, &request)
}

/// Asks `found` again until it has something to give.
fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + LOOKED;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come within {LOOKED:?}");
        std::thread::yield_now();
    }
}

#[test]
fn both_doors_speak_https_and_the_portals_cookie_is_for_https_alone() {
    let host = start();
    assert!(get(&host.public, ONE, "/").unwrap().contains("No apps are installed yet"));
    assert!(get(&host.public, TWO, "/").is_err(), "a client took a certificate it does not know");
    let link = host.place.run(&["sign-in-link"]).out;
    let path = link.split_whitespace().next().unwrap();
    let path = path.strip_prefix(&format!("https://{}", host.admin)).unwrap().to_owned();
    let page = get(&host.admin, ONE, &path).unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let origin = format!("https://{}", host.admin);
    let sign_in = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\norigin: {origin}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 0\r\n\r\n",
        host.admin
    );
    let signed_in = ask(&host.admin, ONE, &sign_in).unwrap().to_ascii_lowercase();
    assert!(signed_in.contains("set-cookie: __host-newleaf="), "{signed_in}");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_renewed_certificate_is_served_and_one_that_does_not_fit_is_told() {
    let host = start();
    let worker = host.worker();
    put(&host.place.dir(), TWO, TWO);
    wait_for("the new certificate", || get(&host.public, TWO, "/").ok());
    assert!(get(&host.public, ONE, "/").is_err());

    put(&host.place.dir(), TWO, ONE);
    let notices = wait_for("a notice", || {
        let status: Value =
            serde_json::from_str(&host.place.run(&["status", "--json"]).out).ok()?;
        let all = status["notices"].as_array()?.clone();
        all.iter().any(|it| it["text"].as_str().unwrap().contains("another")).then_some(all)
    });
    for door in ["public", "admin"] {
        let begin = format!("The {door} addresses: failed to serve ");
        let notice = notices.iter().find(|it| it["text"].as_str().unwrap().starts_with(&begin));
        let notice = notice.unwrap_or_else(|| panic!("nothing of {door}: {notices:#?}"));
        assert!(notice["command"].as_str().unwrap().starts_with("openssl x509"), "{notice}");
    }
    assert!(get(&host.public, TWO, "/").is_ok(), "the certificate from before is not served on");
    assert_eq!(host.worker(), worker, "the worker was started again");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_host_without_a_certificate_to_serve_comes_up_and_serves_it_when_it_is_there() {
    let host = start();
    std::fs::remove_file(host.place.dir().join("tls/key.pem")).unwrap();
    let host = host.restart();
    assert!(get(&host.public, ONE, "/").is_err());
    let status = host.place.run(&["status"]);
    assert_eq!(status.code, 0, "{status:?}");
    assert!(status.out.contains("nothing can be served there"), "{status:?}");
    assert!(status.out.contains("ls -lL"), "{status:?}");
    put(&host.place.dir(), ONE, ONE);
    wait_for("the certificate", || get(&host.public, ONE, "/").ok());
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn the_recovery_page_speaks_https_too() {
    let host = start();
    std::fs::remove_file(host.place.dir().join("newleaf.db")).unwrap();
    let host = host.restart();
    let told = wait_for("the recovery page", || get(&host.public, ONE, "/").ok());
    assert!(told.starts_with("HTTP/1.1 503") && told.contains("retry-after: "), "{told}");
    assert!(get(&host.admin, ONE, "/").unwrap().contains("is being repaired"));
}
