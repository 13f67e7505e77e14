//! Where apps are served: all below one address, or each at a host name of its own. Says whose a
//! host name is and what an app's address is; resolves no name and sees no request.

use std::collections::BTreeMap;

use crate::{HostName, InvalidWord, PackageName, text_word};

/// How apps are kept apart in browsers, which take what has one scheme, host and port for one site
/// (RFC 6454): `path` shares one origin between all of them, `subdomain` gives each its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AppOrigin {
    /// Each below `/apps/<namespace>/<app>/` of the public address.
    #[default]
    Path,
    /// Each at `/` of a host name of its own.
    Subdomain,
}

impl AppOrigin {
    /// The path under which `app` is served, without a slash at the end; empty where it has a host
    /// name of its own.
    pub fn base(self, app: &PackageName) -> String {
        match self {
            Self::Path => format!("/apps/{app}"),
            Self::Subdomain => String::new(),
        }
    }
}

/// `http://<host>[:<port>]` or the same with `https`: where people reach the product.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PublicAddress {
    text: String,
    /// Bytes of `text` up to the host.
    host: usize,
    /// Bytes of `text` up to the port's colon, or its end.
    port: usize,
}

impl PublicAddress {
    /// Parses an address; the scheme's own port is left out, as browsers do.
    ///
    /// # Errors
    /// It is none, or has more than scheme, host and port.
    pub fn parse(text: &str) -> Result<Self, InvalidWord> {
        let invalid = || InvalidWord::new("address", text, "https://<host>[:<port>], or http://…");
        let (scheme, authority) = text.split_once("://").ok_or_else(invalid)?;
        let (host, port) = authority_of(authority).ok_or_else(invalid)?;
        let is_host = HostName::parse(host).is_ok() || is_ip(host);
        if !matches!(scheme, "http" | "https") || !is_host {
            return Err(invalid());
        }
        Ok(Self::new(scheme, &host.to_ascii_lowercase(), port))
    }

    fn new(scheme: &str, host: &str, port: Option<u16>) -> Self {
        let own = if scheme == "https" { 443 } else { 80 };
        let head = format!("{scheme}://{host}");
        let tail = port.filter(|port| *port != own).map(|port| format!(":{port}"));
        let (host, port) = (scheme.len() + "://".len(), head.len());
        Self { text: head + &tail.unwrap_or_default(), host, port }
    }

    /// The text form, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name in it; none where it is an IP address.
    pub fn name(&self) -> Option<HostName> {
        HostName::parse(&self.text[self.host..self.port]).ok()
    }

    fn port(&self) -> Option<u16> {
        self.text[self.port..].strip_prefix(':')?.parse().ok()
    }

    /// The same scheme, at another host and port.
    fn at(&self, host: &HostName, port: Option<u16>) -> Self {
        let scheme = self.text[..self.host].trim_end_matches("://");
        Self::new(scheme, host.as_str(), port)
    }
}
text_word!(PublicAddress);

/// Host and port of `host[:port]`; none where the port is no number.
pub fn authority_of(text: &str) -> Option<(&str, Option<u16>)> {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            match port {
                "" => Some((host, None)),
                port if digits => Some((host, Some(port.parse().ok()?))),
                _ => None,
            }
        }
        _ => Some((text, None)),
    }
}

fn is_ip(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    v6.map_or_else(
        || host.parse::<std::net::Ipv4Addr>().is_ok(),
        |v6| v6.parse::<std::net::Ipv6Addr>().is_ok(),
    )
}

/// The host names of apps: `<app>.<namespace>.<domain>`, but for those that were given another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppHosts {
    /// What all names of apps end with.
    pub domain: HostName,
    /// Apps that were given a name of their own; no two have the same.
    pub own: BTreeMap<PackageName, HostName>,
    /// Names below the domain that are the product's or the portal's all the same.
    pub kept: Vec<HostName>,
}

/// Whose a host name is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// The product's, with its own pages.
    Product,
    /// The app's.
    App(PackageName),
    /// It would be the app's, which was given another name.
    Moved(PackageName),
    /// It lies below the domain of the apps, and is none of theirs.
    Nobody,
}

impl AppHosts {
    /// The name that `app` is served at. None where nobody gave it one and its parts make none that
    /// is what it looks like: labels with hyphens in third and fourth place are reserved (RFC 5890
    /// §2.3.1), and browsers show those that begin with `xn--` in other letters.
    pub fn of(&self, app: &PackageName) -> Option<HostName> {
        let own = self.own.get(app).cloned();
        own.or_else(|| self.usual(app))
    }

    fn usual(&self, app: &PackageName) -> Option<HostName> {
        let namespace = app.namespace();
        let is_reserved = |label: &str| label.get(2..4) == Some("--");
        if is_reserved(app.app()) || is_reserved(namespace.as_str()) {
            return None;
        }
        HostName::parse(&format!("{}.{namespace}.{}", app.app(), self.domain)).ok()
    }

    /// Whose `host` is: without a port, in any case, with or without dots at its end.
    pub fn whose(&self, host: &str) -> Whose {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if let Some((app, _)) = self.own.iter().find(|(_, own)| own.as_str() == host) {
            return Whose::App(app.clone());
        }
        let is_kept = self.kept.iter().any(|kept| kept.as_str() == host);
        let below = host.strip_suffix(self.domain.as_str()).and_then(|it| it.strip_suffix('.'));
        match below {
            Some(below) if !is_kept => self.below(below),
            Some(_) | None => Whose::Product,
        }
    }

    fn below(&self, labels: &str) -> Whose {
        let Some((app, namespace)) = labels.split_once('.') else { return Whose::Nobody };
        match PackageName::parse(&format!("{namespace}/{app}")) {
            Ok(app) if self.own.contains_key(&app) => Whose::Moved(app),
            Ok(app) if self.usual(&app).is_some() => Whose::App(app),
            Ok(_) | Err(_) => Whose::Nobody,
        }
    }
}

/// Where each app of a host is served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppAddresses {
    /// Where people reach the product, as the admin set it.
    pub set: Option<PublicAddress>,
    /// Where the product listens first.
    pub listener: Option<PublicAddress>,
    /// The names of apps; none where they are served below paths.
    pub hosts: Option<AppHosts>,
}

impl AppAddresses {
    /// Whether apps share an origin.
    pub const fn origin(&self) -> AppOrigin {
        match self.hosts {
            None => AppOrigin::Path,
            Some(_) => AppOrigin::Subdomain,
        }
    }

    /// The address that leads to `app`, with a slash at the end. None where it has none: below paths
    /// where nothing is known of the product's, else by [`AppHosts::of`].
    pub fn url(&self, app: &PackageName) -> Option<String> {
        let public = self.public();
        let Some(hosts) = &self.hosts else {
            return public.map(|public| format!("{public}{}/", AppOrigin::Path.base(app)));
        };
        let host = hosts.of(app)?;
        Some(match public {
            Some(public) => format!("{}/", public.at(&host, public.port())),
            None => format!("//{host}/"),
        })
    }

    /// The address of `app`'s own origin, without a slash at the end, for one who reached the
    /// product at `port`; none where it has no origin of its own.
    pub fn origin_of(&self, app: &PackageName, port: Option<u16>) -> Option<PublicAddress> {
        let host = self.hosts.as_ref()?.of(app)?;
        let port = self.set.as_ref().map_or(port, PublicAddress::port);
        Some(self.public()?.at(&host, port))
    }

    /// Where people reach the product.
    pub fn public(&self) -> Option<&PublicAddress> {
        self.set.as_ref().or(self.listener.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PackageName {
        PackageName::parse(text).unwrap()
    }

    fn hosts(own: &[(&str, &str)]) -> AppHosts {
        AppHosts {
            domain: HostName::parse("apps.example.com").unwrap(),
            own: own
                .iter()
                .map(|(app, host)| (name(app), HostName::parse(host).unwrap()))
                .collect(),
            kept: vec![HostName::parse("www.apps.example.com").unwrap()],
        }
    }

    #[test]
    fn a_name_below_the_domain_is_one_apps_or_nobodys() {
        let hosts = hosts(&[("acme/polls", "polls.example.org")]);
        for (host, whose) in [
            ("notes.acme.apps.example.com", Whose::App(name("acme/notes"))),
            ("Notes.ACME.apps.Example.com.", Whose::App(name("acme/notes"))),
            ("polls.example.org", Whose::App(name("acme/polls"))),
            ("polls.acme.apps.example.com", Whose::Moved(name("acme/polls"))),
            ("acme.apps.example.com", Whose::Nobody),
            ("x.notes.acme.apps.example.com", Whose::Nobody),
            ("notes.core.apps.example.com", Whose::Nobody),
            (".acme.apps.example.com", Whose::Nobody),
            ("notes..apps.example.com", Whose::Nobody),
            ("no_tes.acme.apps.example.com", Whose::Nobody),
            ("notes/acme.apps.example.com", Whose::Nobody),
            ("xn--80ak6aa92e.acme.apps.example.com", Whose::Nobody),
            ("notes.xn--80ak6aa92e.apps.example.com", Whose::Nobody),
            ("www.apps.example.com", Whose::Product),
            ("apps.example.com", Whose::Product),
            ("evilapps.example.com", Whose::Product),
            ("notes.acme.apps.example.com.evil.example", Whose::Product),
            ("polls.example.org.evil.example", Whose::Product),
            ("127.0.0.1", Whose::Product),
            ("[::1]", Whose::Product),
            ("", Whose::Product),
        ] {
            assert_eq!(hosts.whose(host), whose, "{host:?}");
        }
    }

    #[test]
    fn every_app_that_has_a_name_is_found_by_it_and_no_two_share_one() {
        let hosts = hosts(&[("acme/polls", "polls.example.org")]);
        let apps = ["acme/notes", "acme/polls", "notes/acme", "a-b/c", "a/b-c", "ac/me-notes"];
        let mut seen = std::collections::BTreeSet::new();
        for app in apps.map(name) {
            let host = hosts.of(&app).unwrap();
            assert_eq!(hosts.whose(host.as_str()), Whose::App(app));
            assert!(seen.insert(host));
        }
        assert_eq!(hosts.of(&name("acme/xn--80ak6aa92e")), None);
    }

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for (text, shown) in [
            ("https://Example.com:443", "https://example.com"),
            ("http://example.com:8080", "http://example.com:8080"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
            ("http://[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(PublicAddress::parse(text).unwrap().as_str(), shown);
        }
        for bad in [
            "example.com",
            "ftp://example.com",
            "https://",
            "https://example.com/",
            "https://u@example.com",
            "https://example.com:99999",
            "https://example.com:+1",
            "http://::1:80",
        ] {
            assert!(PublicAddress::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn links_have_the_scheme_and_port_that_people_use() {
        let address = |text: &str| PublicAddress::parse(text).ok();
        let listener = address("http://127.0.0.1:8080");
        let by_path = AppAddresses { listener: listener.clone(), ..AppAddresses::default() };
        let notes = name("acme/notes");
        assert_eq!(by_path.url(&notes).unwrap(), "http://127.0.0.1:8080/apps/acme/notes/");
        assert_eq!(by_path.origin_of(&notes, None), None);
        let by_name = AppAddresses { hosts: Some(hosts(&[])), ..by_path };
        let at = "http://notes.acme.apps.example.com";
        assert_eq!(by_name.url(&notes).unwrap(), format!("{at}:8080/"));
        assert_eq!(by_name.origin_of(&notes, None).unwrap().as_str(), at);
        assert_eq!(by_name.origin_of(&notes, Some(90)).unwrap().as_str(), format!("{at}:90"));
        let set = AppAddresses { set: address("https://www.example.com"), ..by_name };
        assert_eq!(set.url(&notes).unwrap(), "https://notes.acme.apps.example.com/");
        let onward = set.origin_of(&notes, Some(8080)).unwrap();
        assert_eq!(onward.as_str(), "https://notes.acme.apps.example.com");
        assert_eq!(set.url(&name("acme/xn--80ak6aa92e")), None);
        assert_eq!(AppAddresses::default().url(&notes), None);
    }
}
