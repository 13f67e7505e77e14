//! Which addresses the portal answers at, and what a cookie is called there.

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

/// An origin (RFC 6454 §4) that the portal is reached at: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    /// Host and port, the port left out where it is the scheme's own.
    authority: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

impl Origin {
    /// Parses `https://host`, `https://host:port`, or `http://…` of a loopback address. Plain HTTP
    /// elsewhere is refused: the cookie would travel in the open.
    ///
    /// # Errors
    /// The text is no such origin.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin { given: text.chars().take(120).collect() };
        let (scheme, rest) = text.split_once("://").ok_or_else(invalid)?;
        let scheme = match scheme {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(invalid()),
        };
        let origin = Self { scheme, authority: plain_authority(rest, scheme) };
        let forbidden = |c: char| c == '/' || c == '@' || c.is_whitespace();
        if rest.is_empty() || rest.contains(forbidden) || !origin.is_safe() {
            return Err(invalid());
        }
        Ok(origin)
    }

    /// Whether the cookie may be called `__Host-…`, which browsers take over HTTPS only.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    fn is_safe(&self) -> bool {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.authority,
        };
        self.is_https() || host == "localhost" || host == "[::1]" || is_loopback_v4(host)
    }
}

fn is_loopback_v4(host: &str) -> bool {
    host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Lowercase, without the scheme's own port.
fn plain_authority(text: &str, scheme: Scheme) -> String {
    let lower = text.to_ascii_lowercase();
    let own_port = match scheme {
        Scheme::Http => ":80",
        Scheme::Https => ":443",
    };
    lower.strip_suffix(own_port).map_or_else(|| lower.clone(), str::to_owned)
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority)
    }
}

/// A text that is no origin the portal may be reached at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{given:?} is not an origin: expected https://host[:port], or http:// of a loopback address"
)]
pub struct InvalidOrigin {
    given: String,
}

/// The origins of the portal. A request for any other host is not answered, which also stops names
/// that an attacker points at this machine (DNS rebinding).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginPolicy {
    origins: Vec<Origin>,
}

impl OriginPolicy {
    /// Exactly these origins.
    pub fn of(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { origins: origins.into_iter().collect() }
    }

    /// The loopback names at `port`, over plain HTTP.
    pub fn loopback(port: u16) -> Self {
        let at = |host: &str| Origin {
            scheme: Scheme::Http,
            authority: plain_authority(&format!("{host}:{port}"), Scheme::Http),
        };
        Self { origins: ["127.0.0.1", "localhost", "[::1]"].map(at).into() }
    }

    /// These origins and one more, such as that of a proxy in front.
    #[must_use]
    pub fn and(mut self, origin: Origin) -> Self {
        self.origins.push(origin);
        self
    }

    /// The origin that a request was sent to; none where it is not one of ours.
    pub fn addressed(&self, parts: &Parts) -> Option<&Origin> {
        let authority = match parts.uri.authority() {
            Some(authority) => authority.as_str(),
            None => single(&parts.headers, &header::HOST)?,
        };
        self.origins
            .iter()
            .find(|origin| origin.authority == plain_authority(authority, origin.scheme))
    }
}

/// The value of a header that must stand exactly once.
fn single<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in ["http://127.0.0.1:8081", "http://[::1]:8081", "https://portal.example.com"] {
            assert_eq!(Origin::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "http://portal.example.com",
            "http://10.0.0.1:80",
            "https://",
            "https://a/b",
            "https://u@a",
            "ftp://localhost",
            "localhost",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn the_schemes_own_port_is_left_out_as_browsers_do() {
        assert_eq!(
            Origin::parse("https://a.example.com:443").unwrap().to_string(),
            "https://a.example.com"
        );
    }
}
