//! Through which proxy others are reached.

use std::fmt;

use serde::Deserialize;

/// The proxy for everything that is fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProxySetting {
    /// The one that the environment names: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, but for what
    /// `NO_PROXY` lists.
    #[default]
    Environment,
    /// None, whatever the environment says; written `"none"`.
    None,
    /// This one.
    Explicit(ProxyUrl),
}

/// Address of a proxy: `http://[name:password@]host[:port]`, or the same with `https`. It may hold
/// a password, so it is shown without it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

impl ProxyUrl {
    /// Parses the text form.
    ///
    /// # Errors
    /// Another scheme, no host, or something after it.
    pub fn parse(text: &str) -> Result<Self, InvalidProxy> {
        let trimmed = text.trim_end_matches('/');
        let address = reqwest::Url::parse(trimmed).map_err(|_| InvalidProxy)?;
        let is_plain = matches!(address.scheme(), "http" | "https")
            && address.has_host()
            && address.path() == "/"
            && address.query().is_none()
            && address.fragment().is_none()
            // What the parser would mend silently.
            && trimmed.starts_with(&format!("{}://", address.scheme()))
            && !trimmed.contains(|it: char| it.is_control() || " \\".contains(it));
        if is_plain { Ok(Self(trimmed.to_owned())) } else { Err(InvalidProxy) }
    }

    /// The whole address, with the password: for whoever connects, and for no log.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Why a text is no address of a proxy. What was given is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected \"none\" or the address of a proxy: http://[name:password@]host[:port]")]
pub struct InvalidProxy;

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = self.0.split_once("://").unwrap_or_default();
        match rest.rsplit_once('@') {
            Some((_, host)) => write!(f, "{scheme}://…@{host}"),
            None => f.write_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for ProxySetting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self::None);
        }
        ProxyUrl::parse(&text).map(Self::Explicit).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::ProxyUrl;

    #[test]
    fn a_password_is_not_shown() {
        let proxy = ProxyUrl::parse("http://ada:s3cret@proxy.example.com:3128/").unwrap();
        assert_eq!(format!("{proxy:?}"), "http://…@proxy.example.com:3128");
        assert_eq!(proxy.reveal(), "http://ada:s3cret@proxy.example.com:3128");
        let error = ProxyUrl::parse("ftp://ada:s3cret@proxy").unwrap_err().to_string();
        assert!(!error.contains("s3cret"), "{error}");
    }

    #[test]
    fn only_addresses_of_hosts_are_taken() {
        for bad in
            ["", "proxy:3128", "http://", "http://a@", "socks5://a", "http://a/x", "http://a b"]
        {
            assert!(ProxyUrl::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
