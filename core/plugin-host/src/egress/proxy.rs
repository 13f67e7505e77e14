//! Whether a request goes through a proxy, and the way through it. Where one resolves the names,
//! no address can be judged here; so nothing goes through it unless an admin says so.

use hyper_util::{
    client::{
        legacy::connect::proxy::Tunnel,
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use tower::Service as _;

use super::{destination::Destination, refusal::Refusal, wire::Stream};

/// The proxy to go through.
#[derive(Clone, Default)]
pub enum ProxyWay {
    /// The one that the environment names: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, but for what
    /// `NO_PROXY` lists.
    #[default]
    Environment,
    /// None, whatever the environment says.
    None,
    /// This one: `http://[name:password@]host[:port]`, or the same with `https`.
    Explicit(String),
}

/// Whether requests of apps go through a proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyUse {
    /// They do not: they are refused.
    #[default]
    Refused,
    /// They do; the proxy must keep apps out of the private network.
    Allowed,
}

impl std::fmt::Debug for ProxyWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Environment => "Environment",
            Self::None => "None",
            // It may hold a password.
            Self::Explicit(_) => "Explicit(…)",
        })
    }
}

/// Which requests go through a proxy.
#[derive(Debug)]
pub(crate) struct Proxy {
    way: Way,
    usage: ProxyUse,
}

#[derive(Debug)]
enum Way {
    Matched(Box<Matcher>),
    NotUnderstood,
}

impl Proxy {
    pub(crate) fn new(way: &ProxyWay, usage: ProxyUse) -> Self {
        let way = match way {
            ProxyWay::Environment => Way::Matched(Box::new(Matcher::from_env())),
            ProxyWay::None => Way::Matched(Box::new(Matcher::builder().build())),
            ProxyWay::Explicit(url) => {
                let matcher = Matcher::builder().all(url.as_str()).build();
                let any = http::Uri::from_static("https://example.com/");
                // One that is not understood matches nothing; it must not be gone around.
                match matcher.intercept(&any) {
                    Some(_) => Way::Matched(Box::new(matcher)),
                    None => Way::NotUnderstood,
                }
            }
        };
        Self { way, usage }
    }

    /// The proxy on the way to `to`, if any.
    ///
    /// # Errors
    /// There is one, and it may not or cannot be used.
    pub(crate) fn towards(&self, to: &Destination) -> Result<Option<Intercept>, Refusal> {
        let Way::Matched(matcher) = &self.way else {
            return Err(Refusal::Proxy("its address is not understood".to_owned()));
        };
        let uri = http::Uri::builder()
            .scheme(to.scheme.clone())
            .authority(to.authority())
            .path_and_query("/")
            .build()
            .map_err(|_| Refusal::NotAUrl)?;
        let Some(found) = matcher.intercept(&uri) else { return Ok(None) };
        match (self.usage, found.uri().scheme_str()) {
            (ProxyUse::Refused, _) => Err(Refusal::Proxied),
            (ProxyUse::Allowed, Some("http" | "https")) => Ok(Some(found)),
            (ProxyUse::Allowed, scheme) => {
                let scheme = scheme.unwrap_or_default();
                Err(Refusal::Proxy(format!("{scheme} is not spoken here, only http and https are")))
            }
        }
    }
}

/// Asks the proxy at the other end of `stream` for a connection to `to` (RFC 9110 §9.3.6).
pub(crate) async fn tunnel(
    stream: Box<dyn Stream>,
    via: &Intercept,
    to: &Destination,
) -> Result<Box<dyn Stream>, Refusal> {
    let failed = |error: &dyn std::error::Error| Refusal::Proxy(error.to_string());
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_| {
        let stream = stream.take().ok_or_else(|| std::io::Error::other("asked for twice"));
        std::future::ready(stream)
    });
    let mut tunnel = Tunnel::new(via.uri().clone(), connector);
    if let Some(auth) = via.basic_auth() {
        tunnel = tunnel.with_auth(auth.clone());
    }
    let uri: http::Uri = to.authority_with_port().parse().map_err(|_| Refusal::NotAUrl)?;
    let tunnelled = tunnel.call(uri).await.map_err(|error| failed(&error))?;
    Ok(tunnelled.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(url: &str) -> Destination {
        Destination::of(&url.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_proxy_is_not_gone_around() {
        let explicit = ProxyWay::Explicit("http://ada:s3cret@proxy.example.com:3128".to_owned());
        assert!(!format!("{explicit:?}").contains("s3cret"));
        let proxy = Proxy::new(&explicit, ProxyUse::Refused);
        assert_eq!(proxy.towards(&to("https://example.com/")).err(), Some(Refusal::Proxied));
        let proxy = Proxy::new(&explicit, ProxyUse::Allowed);
        let found = proxy.towards(&to("http://example.com:8080/")).unwrap().unwrap();
        assert_eq!(found.uri().authority().unwrap(), "proxy.example.com:3128");
        assert!(found.basic_auth().is_some());
        for odd in ["socks5://proxy.example.com", "http://no where", ""] {
            let proxy = Proxy::new(&ProxyWay::Explicit(odd.to_owned()), ProxyUse::Allowed);
            let refused = proxy.towards(&to("https://example.com/")).err();
            assert!(matches!(refused, Some(Refusal::Proxy(_))), "{odd}: {refused:?}");
        }
        let none = Proxy::new(&ProxyWay::None, ProxyUse::Refused);
        assert!(none.towards(&to("https://example.com/")).unwrap().is_none());
    }
}
