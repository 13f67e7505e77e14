//! What an admin sets about requests of apps to the outside. Values only.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use newleaf_domain::ByteSize;
use rustls::pki_types::CertificateDer;

use super::{
    proxy::{ProxyUse, ProxyWay},
    scripted::Scripted,
};

/// Whether an app's requests to the outside leave at all, whatever it was granted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outbound {
    /// Those that are granted do.
    #[default]
    Granted,
    /// None does. The sentence says why, to the log and to whoever reads it.
    Denied(&'static str),
}

impl Outbound {
    /// For an app that is tried on a copy of its data: what it would do outside, it would do twice.
    pub const REHEARSAL: Self =
        Self::Denied("this is a rehearsal on a copy of the data, in which nothing leaves the host");

    /// For a page that is asked for before anybody sees the version: nobody wanted what it would do.
    pub const PROBE: Self =
        Self::Denied("it is for a page that the host asks for by itself, to see whether it works");
}

/// The bounds of one app's requests to the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboundLimits {
    /// From the app's call to the last byte of the answer's body.
    pub within: Duration,
    /// For looking the name up, connecting, and the TLS handshake.
    pub connect_within: Duration,
    /// Until the head of the answer is there, connecting included; an app may set less.
    pub first_byte_within: Duration,
    /// Between two pieces of the answer's body; an app may set less.
    pub stall_within: Duration,
    /// Requests under way at one time; eight times as many wait for their turn.
    pub at_once: usize,
    /// The largest request body.
    pub request_body: ByteSize,
    /// The largest body of an answer.
    pub response_body: ByteSize,
    /// The largest head of a request (target and fields), and of an answer.
    pub head: ByteSize,
}

impl Default for OutboundLimits {
    fn default() -> Self {
        Self {
            within: Duration::from_secs(10),
            connect_within: Duration::from_secs(5),
            first_byte_within: Duration::from_secs(10),
            stall_within: Duration::from_secs(5),
            at_once: 8,
            request_body: ByteSize::mib(4),
            response_body: ByteSize::mib(16),
            head: ByteSize::kib(64),
        }
    }
}

/// How this host's apps reach the outside.
#[derive(Debug, Clone, Default)]
pub struct OutboundSettings {
    /// Addresses that are no part of the internet and that apps may reach all the same, by a name
    /// that is granted to them.
    pub private: Vec<IpAddr>,
    /// Where this host itself listens: no app reaches it there, whatever was granted or listed.
    pub own: Vec<SocketAddr>,
    /// The proxy to go through.
    pub proxy: ProxyWay,
    /// Whether requests go through it although the addresses cannot be judged then.
    pub by_proxy: ProxyUse,
    /// The network itself.
    pub network: Network,
    /// Whose certificates are believed.
    pub roots: Roots,
}

/// The network that apps reach.
#[derive(Debug, Clone, Default)]
pub enum Network {
    /// This machine's.
    #[default]
    System,
    /// One of a test's own making.
    Scripted(Arc<Scripted>),
}

/// Whose certificates are believed.
#[derive(Debug, Clone, Default)]
pub enum Roots {
    /// Those this machine trusts.
    #[default]
    System,
    /// These alone.
    These(Vec<CertificateDer<'static>>),
}
