//! Addresses the launcher binds and holds for life, and the certificates they are served with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use newleaf_domain::PublicAddress;
use newleaf_launcher::wire::MAX_LISTENERS;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// Addresses of the two doors. Port 0 takes any free port, which `serve` then prints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Where the product and its apps are served.
    #[serde(deserialize_with = "few")]
    pub public: Vec<SocketAddr>,
    /// Where the portal and its API are served; loopback unless an admin says otherwise.
    #[serde(deserialize_with = "few")]
    pub admin: Vec<SocketAddr>,
    /// Where people reach the product, where that is not an address of its listeners: a proxy
    /// stands before them, or a certificate names it. Links to apps go by it.
    pub public_origin: Option<PublicAddress>,
    /// What the public addresses are served with; plain HTTP without it.
    pub public_tls: Option<Tls>,
    /// What the admin addresses are served with; plain HTTP without it.
    pub admin_tls: Option<Tls>,
}

/// Not more addresses than a worker can be given at once.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
    let addresses = Vec::<SocketAddr>::deserialize(deserializer)?;
    match addresses.len() {
        count if count > MAX_LISTENERS => Err(D::Error::custom(format!(
            "{count} addresses, but {MAX_LISTENERS} are the most, public and admin together"
        ))),
        _ => Ok(addresses),
    }
}

/// A certificate and its key, as PEM files (RFC 7468). A relative path lies below the host's
/// folder. They are read again whenever they change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate, followed by those between it and the root.
    pub certificate: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

impl Tls {
    /// The same files for the host in `dir`.
    #[must_use]
    pub fn below(&self, dir: &Path) -> Self {
        Self { certificate: dir.join(&self.certificate), key: dir.join(&self.key) }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            public: vec![loopback(8080)],
            admin: vec![loopback(8081)],
            public_origin: None,
            public_tls: None,
            admin_tls: None,
        }
    }
}

/// What an address begins with, served with `tls` or without.
pub const fn scheme(tls: Option<&Tls>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
