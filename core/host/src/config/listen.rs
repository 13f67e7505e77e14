//! Addresses the launcher binds and holds for life.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Addresses of the two doors. Port 0 takes any free port, which `serve` then prints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Where the product and its apps are served.
    pub public: Vec<SocketAddr>,
    /// Where the portal and its API are served; loopback unless an admin says otherwise.
    pub admin: Vec<SocketAddr>,
}

impl Default for Listen {
    fn default() -> Self {
        Self { public: vec![loopback(8080)], admin: vec![loopback(8081)] }
    }
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}
