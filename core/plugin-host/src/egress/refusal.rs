//! Why a request to the outside came to nothing: for the log in words with what can be done, for
//! the app as a code of `wasi:http`.

use std::{net::IpAddr, time::Duration};

use newleaf_domain::ByteSize;
use wasmtime_wasi_http::Error as Code;

use super::reach::Place;

/// Why a request to the outside came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    Denied(&'static str),
    #[error("it is no URL of a host")]
    NotAUrl,
    #[error("the method {0} is not for apps")]
    Method(String),
    #[error("the app was not granted to talk to it")]
    NotGranted,
    #[error("it is at {address}, which is {place}")]
    Prohibited { address: IpAddr, place: Place },
    #[error("it is at {address}, which is an address of this machine")]
    OwnMachine { address: IpAddr },
    #[error("it is at {address}, where this host itself listens")]
    OwnDoor { address: IpAddr },
    #[error("it is reached through a proxy, where the address cannot be judged")]
    Proxied,
    #[error("{0} requests of the app are under way or wait already")]
    TooMany(usize),
    #[error("its turn did not come within {} s", .0.as_secs_f64())]
    NoTurn(Duration),
    #[error("the head of the request has {length} bytes, more than {limit}")]
    RequestHead { length: usize, limit: ByteSize },
    #[error("the body of the request is larger than {0}")]
    RequestBody(ByteSize),
    #[error("the app broke off the body of its request")]
    RequestBrokenOff,
    #[error("its name is not known: {0}")]
    Unresolved(String),
    #[error("its name was not resolved within {} s", .0.as_secs_f64())]
    ResolveTimeout(Duration),
    #[error("no connection within {} s", .0.as_secs_f64())]
    ConnectTimeout(Duration),
    #[error("it refuses connections")]
    ConnectionRefused,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("its certificate is not accepted: {0}")]
    Certificate(String),
    #[error("TLS failed: {0}")]
    Tls(String),
    #[error("the proxy failed: {0}")]
    Proxy(String),
    #[error("the answer did not begin within {} s", .0.as_secs_f64())]
    FirstByte(Duration),
    #[error("the answer stood still for {} s", .0.as_secs_f64())]
    Stalled(Duration),
    #[error("it took more than {} s altogether", .0.as_secs_f64())]
    Overall(Duration),
    #[error("the head of the answer is larger than {0}, or has too many fields")]
    ResponseHead(ByteSize),
    #[error("the body of the answer is larger than {0}")]
    ResponseBody(ByteSize),
    #[error("the answer broke off")]
    BrokenOff,
    #[error("the answer is no HTTP: {0}")]
    Protocol(String),
}

/// Whose doing a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// This host's: it would not let it pass.
    Ours,
    /// The network's, or the other side's.
    Theirs,
}

impl Refusal {
    /// Whose doing it is.
    pub(crate) fn doing(&self) -> Doing {
        match self {
            Self::Denied(_)
            | Self::NotAUrl
            | Self::Method(_)
            | Self::NotGranted
            | Self::Prohibited { .. }
            | Self::OwnMachine { .. }
            | Self::OwnDoor { .. }
            | Self::Proxied
            | Self::TooMany(_)
            | Self::NoTurn(_)
            | Self::RequestHead { .. }
            | Self::RequestBody(_)
            | Self::ResponseHead(_)
            | Self::ResponseBody(_) => Doing::Ours,
            Self::RequestBrokenOff
            | Self::Unresolved(_)
            | Self::ResolveTimeout(_)
            | Self::ConnectTimeout(_)
            | Self::ConnectionRefused
            | Self::Unreachable(_)
            | Self::Certificate(_)
            | Self::Tls(_)
            | Self::Proxy(_)
            | Self::FirstByte(_)
            | Self::Stalled(_)
            | Self::Overall(_)
            | Self::BrokenOff
            | Self::Protocol(_) => Doing::Theirs,
        }
    }

    /// What an admin can do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Denied(_) => "nothing: the app as it serves is not concerned".to_owned(),
            Self::NotGranted => {
                "hosts are granted when an app is installed or updated; ask its author to name this \
                 one in the manifest"
                    .to_owned()
            }
            Self::Prohibited { place, .. } if !place.can_be_named() => {
                "nothing: no app reaches such an address".to_owned()
            }
            Self::OwnDoor { .. } => "nothing: no app reaches the host's own listeners".to_owned(),
            Self::Prohibited { address, .. } | Self::OwnMachine { address } => format!(
                "if apps are meant to reach it, list \"{address}\" in outbound_private under [apps] \
                 in newleaf.toml"
            ),
            Self::Proxied => "set outbound_proxy = \"allowed\" under [apps] in newleaf.toml if the \
                              proxy keeps apps out of the private network"
                .to_owned(),
            Self::TooMany(_) | Self::NoTurn(_) => raise("outbound_at_once"),
            Self::RequestBody(_) => raise("outbound_request_body"),
            Self::ResponseBody(_) => raise("outbound_response_body"),
            Self::ResolveTimeout(_) | Self::ConnectTimeout(_) => {
                format!("look after the network and its name server, or {}", raise("outbound_connect_within"))
            }
            Self::FirstByte(_) => raise("outbound_first_byte_within"),
            Self::Stalled(_) => raise("outbound_stall_within"),
            Self::Overall(_) => raise("outbound_within"),
            Self::Unresolved(_) => {
                "look whether the name is right and the name server answers".to_owned()
            }
            Self::ConnectionRefused | Self::Unreachable(_) => {
                "look whether the other side is up and this machine may reach it".to_owned()
            }
            Self::Certificate(_) | Self::Tls(_) => {
                "tell whoever runs the other side; a certificate authority of your own belongs into \
                 this machine's store"
                    .to_owned()
            }
            Self::Proxy(_) => "look after the proxy named in newleaf.toml or the environment".to_owned(),
            Self::NotAUrl
            | Self::Method(_)
            | Self::RequestHead { .. }
            | Self::RequestBrokenOff => "tell the app's author".to_owned(),
            Self::ResponseHead(_) | Self::BrokenOff | Self::Protocol(_) => {
                "tell whoever runs the other side, or the app's author".to_owned()
            }
        }
    }

    /// What the app is told (`wasi:http/types.error-code`).
    pub(crate) fn code(&self) -> Code {
        let bytes = |size: ByteSize| u32::try_from(size.as_u64()).ok();
        match self {
            Self::Denied(_) | Self::NotGranted | Self::Proxied => Code::HttpRequestDenied,
            Self::NotAUrl => Code::HttpRequestUriInvalid,
            Self::Method(_) => Code::HttpRequestMethodInvalid,
            Self::Prohibited { .. } | Self::OwnMachine { .. } | Self::OwnDoor { .. } => {
                Code::DestinationIpProhibited
            }
            Self::TooMany(_) | Self::NoTurn(_) => Code::ConnectionLimitReached,
            Self::RequestHead { limit, .. } => Code::HttpRequestHeaderSectionSize(bytes(*limit)),
            Self::RequestBody(limit) => Code::HttpRequestBodySize(Some(limit.as_u64())),
            Self::RequestBrokenOff => Code::ConnectionTerminated,
            Self::Unresolved(_) => Code::DnsError { rcode: None, info_code: None },
            Self::ResolveTimeout(_) => Code::DnsTimeout,
            Self::ConnectTimeout(_) => Code::ConnectionTimeout,
            Self::ConnectionRefused => Code::ConnectionRefused,
            Self::Unreachable(_) | Self::Proxy(_) => Code::DestinationUnavailable,
            Self::Certificate(_) => Code::TlsCertificateError,
            Self::Tls(_) => Code::TlsProtocolError,
            Self::FirstByte(_) | Self::Overall(_) => Code::HttpResponseTimeout,
            Self::Stalled(_) => Code::ConnectionReadTimeout,
            Self::ResponseHead(limit) => Code::HttpResponseHeaderSectionSize(bytes(*limit)),
            Self::ResponseBody(limit) => Code::HttpResponseBodySize(Some(limit.as_u64())),
            Self::BrokenOff => Code::HttpResponseIncomplete,
            Self::Protocol(_) => Code::HttpProtocolError,
        }
    }
}

fn raise(key: &str) -> String {
    format!("raise {key} under [apps] in newleaf.toml if the app needs more")
}
