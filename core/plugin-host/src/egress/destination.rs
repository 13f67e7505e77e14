//! The host and port of a request, and of a grant, in the one form the URL standard knows; and
//! whether the one is the other. Looks nothing up.

use std::net::IpAddr;

use http::uri::{Scheme, Uri};
use url::Host;

use super::refusal::Refusal;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// A host an app may talk to, as its manifest names it: a name or an address, with a port or
/// without. Without one the scheme's own port is meant: 443 for HTTPS, 80 for HTTP.
///
/// Names may be written in any case and with a dot at the end, and are compared as the URL standard
/// has them. They are ASCII, since letters of other scripts may look like those of another name: an
/// international one is written as it is looked up, `xn--bcher-kva.example.com`. An address counts only in its usual form, so that what a person
/// consents to is what they read: `127.0.0.1`, never `2130706433`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGrant {
    host: Host,
    port: Option<u16>,
}

/// Why a text names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// It is no host name, address, or one of them with a port.
    #[error("{text:?} is no host name, address, or one of them with a port")]
    Form {
        /// What was given.
        text: String,
    },
    /// It may look like the name of another host.
    #[error(
        "{text:?} is not in ASCII and may look like another name; an international one is written \
         as it is looked up, such as xn--bcher-kva.example.com"
    )]
    Lookalike {
        /// What was given.
        text: String,
    },
    /// It is an address in disguise.
    #[error("{text:?} is the address {usual} in a form that people do not recognise")]
    Disguised {
        /// What was given.
        text: String,
        /// What it stands for.
        usual: String,
    },
}

impl HostGrant {
    /// Parses `host` or `host:port`; an IPv6 address stands in brackets.
    ///
    /// # Errors
    /// A scheme, a path, a wildcard, user information, port 0, a name that is not ASCII, or an
    /// address in disguise.
    pub fn parse(text: &str) -> Result<Self, InvalidHost> {
        // The URL standard decodes `%61` too, which nobody reads as the letter it means.
        if !text.is_ascii() || text.contains('%') {
            return Err(InvalidHost::Lookalike { text: text.to_owned() });
        }
        let form = || InvalidHost::Form { text: text.to_owned() };
        let (name, port) = split_port(text).ok_or_else(form)?;
        let host = host(name).ok_or_else(form)?;
        let usual = match host {
            Host::Domain(_) => return Ok(Self { host, port }),
            Host::Ipv4(_) | Host::Ipv6(_) => host.to_string(),
        };
        if usual == name {
            Ok(Self { host, port })
        } else {
            Err(InvalidHost::Disguised { text: text.to_owned(), usual })
        }
    }

    /// Whether a request to `to` is granted by this.
    pub(crate) fn allows(&self, to: &Destination) -> bool {
        let port = self.port.unwrap_or_else(|| default_port(&to.scheme));
        self.host == to.host && port == to.port
    }
}

impl Destination {
    /// The destination of `uri`, which must be absolute, without user information.
    pub(crate) fn of(uri: &Uri) -> Result<Self, Refusal> {
        let wrong = || Refusal::NotAUrl;
        let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or_else(wrong)?;
        if authority.as_str().contains('@') {
            return Err(Refusal::NotAUrl);
        }
        let (name, port) = split_port(authority.as_str()).ok_or_else(wrong)?;
        let port = port.unwrap_or_else(|| default_port(scheme));
        Ok(Self { scheme: scheme.clone(), host: host(name).ok_or_else(wrong)?, port })
    }

    /// The address, where the request names one.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        match self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// Whether the name is one that every machine has for itself (RFC 6761 §6.3).
    pub(crate) fn is_localhost(&self) -> bool {
        let Host::Domain(name) = &self.host else { return false };
        name == "localhost" || name.ends_with(".localhost")
    }

    /// Host, and port where it is not the scheme's own: what `Host` says (RFC 9110 §7.2).
    pub(crate) fn authority(&self) -> String {
        if self.port == default_port(&self.scheme) {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Host and port.
    pub(crate) fn authority_with_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether it is to be spoken to over TLS.
    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.authority())
    }
}

fn default_port(scheme: &Scheme) -> u16 {
    if *scheme == Scheme::HTTP { 80 } else { 443 }
}

/// Host and port of `host[:port]`.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let colon = match text.rfind(']') {
        Some(bracket) => text.get(bracket + 1..)?.find(':').map(|at| bracket + 1 + at),
        None => text.find(':'),
    };
    let Some(colon) = colon else { return Some((text, None)) };
    let (name, port) = (text.get(..colon)?, text.get(colon + 1..)?);
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port > 0)?;
    Some((name, Some(port)))
}

/// A host as the URL standard parses it (§3.5), without the dot that ends an absolute name, and an
/// IPv4-mapped address as the IPv4 address it is.
fn host(text: &str) -> Option<Host> {
    match Host::parse(text).ok()? {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            is_name(name).then(|| Host::Domain(name.to_owned()))
        }
        Host::Ipv4(address) => Some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(match address.to_ipv4_mapped() {
            Some(address) => Host::Ipv4(address),
            None => Host::Ipv6(address),
        }),
    }
}

/// Whether a name could stand in the domain name system (RFC 1035 §2.3.4): stricter than the URL
/// standard, which would let a wildcard pass.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(grant: &str, url: &str) -> bool {
        let to = Destination::of(&url.parse().unwrap()).unwrap();
        HostGrant::parse(grant).unwrap().allows(&to)
    }

    #[test]
    fn a_grant_means_the_same_host_however_it_is_written() {
        for (grant, url) in [
            ("example.com", "https://example.com/feed"),
            ("example.com", "http://example.com/"),
            ("example.com", "https://EXAMPLE.com./"),
            ("Example.COM.", "https://example.com:443/"),
            ("example.com:8443", "https://example.com:8443/"),
            ("xn--bcher-kva.example.com", "https://xn--bcher-kva.example.com/"),
            ("127.0.0.1", "http://2130706433/"),
            ("127.0.0.1", "http://0x7f.1/"),
            ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
            ("[2001:db8::1]:8080", "http://[2001:db8:0:0::1]:8080/"),
        ] {
            assert!(allows(grant, url), "{grant} does not allow {url}");
        }
    }

    #[test]
    fn a_grant_means_no_other_host_and_no_other_port() {
        for (grant, url) in [
            ("example.com", "https://www.example.com/"),
            ("example.com", "https://example.com.evil.example/"),
            ("example.com", "https://example.com:8443/"),
            ("example.com", "http://example.com:443/"),
            ("example.com:8443", "https://example.com/"),
            ("example.com", "https://93.184.216.34/"),
        ] {
            assert!(!allows(grant, url), "{grant} allows {url}");
        }
    }

    #[test]
    fn what_is_no_host_is_no_grant() {
        for text in [
            "",
            "*.example.com",
            "https://example.com",
            "example.com/x",
            "a@example.com",
            "example.com:0",
            "example.com:70000",
            "example.com:+80",
            "example..com",
            "exa mple.com",
            "::1",
            "[::1",
        ] {
            assert!(
                matches!(HostGrant::parse(text), Err(InvalidHost::Form { .. })),
                "{text:?} was accepted"
            );
        }
    }

    #[test]
    fn a_name_that_may_look_like_another_is_no_grant() {
        for text in ["\u{435}xample.com", "bücher.example.com", "ex%61mple.com", "example。com"] {
            let error = HostGrant::parse(text).unwrap_err();
            assert!(matches!(error, InvalidHost::Lookalike { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_in_disguise_is_no_grant() {
        for text in ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "127.0.0.1.", "[0:0::1]"] {
            let error = HostGrant::parse(text).unwrap_err();
            assert!(matches!(error, InvalidHost::Disguised { .. }), "{text}: {error}");
        }
        let mapped = HostGrant::parse("[::ffff:10.0.0.1]").unwrap_err().to_string();
        assert!(mapped.contains("10.0.0.1 in a form"), "{mapped}");
    }

    #[test]
    fn a_request_to_nowhere_is_no_url() {
        for url in ["/x", "http://user@example.com/", "http://example.com:0/", "http://[::1/"] {
            let parsed = url.parse::<Uri>();
            assert!(parsed.is_err() || Destination::of(&parsed.unwrap()).is_err(), "{url}");
        }
    }
}
