//! Whether the host names of apps, of the product and of the portal can stand beside each other:
//! no app may be given a name that people know as somebody else's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use newleaf_domain::address::Whose;
use newleaf_domain::{AppAddresses, AppHosts, AppOrigin, HostName, PackageName, PublicAddress};

use super::{Config, ConfigError, scheme};

/// The longest domain below which each app has a name: a name has 253 bytes at most, and both parts
/// of an app's name 39 (RFC 1035 §2.3.4).
const LONGEST_DOMAIN: usize = 253 - 2 * (newleaf_domain::name::MAX_PART + 1);

/// The name of every machine for itself, which its product and its portal are reached at.
const LOOPBACK: &str = "localhost";

/// A key of `newleaf.toml`, and why its value cannot stand.
struct Unfit<'c> {
    key: Vec<&'c str>,
    why: String,
}

impl Config {
    /// Where apps are served, for a product that listens on `listeners`.
    pub fn addresses(&self, listeners: &[SocketAddr]) -> AppAddresses {
        let scheme = scheme(self.listen.public_tls.as_ref());
        let listener =
            listeners.first().and_then(|at| PublicAddress::parse(&format!("{scheme}://{at}")).ok());
        AppAddresses { set: self.listen.public_origin.clone(), listener, hosts: self.hosts() }
    }

    /// The host names of apps; none where they are served below paths.
    fn hosts(&self) -> Option<AppHosts> {
        let domain = match self.apps.origin {
            AppOrigin::Path => return None,
            AppOrigin::Subdomain => self.apps.domain.clone()?,
        };
        let kept = self.reserved().into_iter().map(|(_, name)| name).collect();
        Some(AppHosts { domain, own: self.own_hosts(), kept })
    }

    /// The names that apps were given in the place of their usual ones.
    fn own_hosts(&self) -> BTreeMap<PackageName, HostName> {
        let each = self.apps.each.iter();
        each.filter_map(|(app, each)| Some((app.clone(), each.host.clone()?))).collect()
    }

    /// The names of the product and of the portal, each with the setting that says it.
    fn reserved(&self) -> Vec<(&'static str, HostName)> {
        let portal = self.portal.origin.as_ref();
        let portal = portal.and_then(|it| PublicAddress::parse(it).ok()?.name());
        let product = self.listen.public_origin.as_ref().and_then(PublicAddress::name);
        let set = [("portal.origin", portal), ("listen.public_origin", product)];
        set.into_iter().filter_map(|(key, name)| Some((key, name?))).collect()
    }

    /// Refuses names that would be two.
    pub(super) fn check_names(&self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let unfit = match self.hosts() {
            Some(hosts) => self.unfit_domain(&hosts).or_else(|| self.unfit_host(&hosts)),
            None => self.without_names(),
        };
        match unfit {
            Some(Unfit { key, why }) => Err(ConfigError::at(path, text, &key, &why)),
            None => Ok(()),
        }
    }

    /// What is missing where apps shall have names, or set where they have none.
    fn without_names(&self) -> Option<Unfit<'_>> {
        if self.apps.origin == AppOrigin::Subdomain {
            let why = "\"subdomain\" needs apps.domain too, such as domain = \"apps.example.com\"";
            return Some(Unfit { key: vec!["apps", "origin"], why: why.to_owned() });
        }
        let why = "goes with apps.origin = \"subdomain\", which is not set".to_owned();
        let own = self.apps.each.iter().find(|(_, each)| each.host.is_some());
        match own {
            Some((app, _)) => Some(Unfit { key: vec!["apps", app.as_str(), "host"], why }),
            None if self.apps.domain.is_some() => Some(Unfit { key: vec!["apps", "domain"], why }),
            None => None,
        }
    }

    fn unfit_domain(&self, hosts: &AppHosts) -> Option<Unfit<'_>> {
        let unfit = |why| Some(Unfit { key: vec!["apps", "domain"], why });
        let length = hosts.domain.as_str().len();
        if length > LONGEST_DOMAIN {
            return unfit(format!(
                "has {length} bytes, but {LONGEST_DOMAIN} are the most with an app's name before it"
            ));
        }
        // What would be an app's, were it not kept for the product.
        let free = AppHosts { own: BTreeMap::new(), kept: Vec::new(), ..hosts.clone() };
        self.reserved().into_iter().find_map(|(key, name)| match free.whose(name.as_str()) {
            Whose::App(app) => unfit(format!("makes {name} of {key} the name of app {app}")),
            Whose::Product | Whose::Moved(_) | Whose::Nobody => None,
        })
    }

    fn unfit_host(&self, hosts: &AppHosts) -> Option<Unfit<'_>> {
        let usual = AppHosts { own: BTreeMap::new(), ..hosts.clone() };
        self.apps.each.iter().find_map(|(app, each)| {
            let host = each.host.as_ref()?;
            let why = if let Some((key, _)) = self.reserved().iter().find(|(_, it)| it == host) {
                format!("{host} is the name of {key}")
            } else if host.as_str() == LOOPBACK || *host == hosts.domain {
                format!("{host} is no name of one app")
            } else if let Some((other, _)) =
                hosts.own.iter().find(|(other, own)| *own == host && *other != app)
            {
                format!("{host} is the name of app {other} too")
            } else {
                match usual.whose(host.as_str()) {
                    Whose::App(other) if other != *app => {
                        format!("{host} is the name of app {other}")
                    }
                    Whose::App(_) | Whose::Product | Whose::Moved(_) | Whose::Nobody => {
                        return None;
                    }
                }
            };
            Some(Unfit { key: vec!["apps", app.as_str(), "host"], why })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPOSITORY: &str = "[repository]\nurl = \"https://updates.example.com\"\n";
    const SUBDOMAIN: &str = "[apps]\norigin = \"subdomain\"\ndomain = \"apps.example.com\"\n";

    fn parsed(text: &str) -> Result<Config, String> {
        let text = format!("{REPOSITORY}{text}");
        Config::parse(&text, Path::new("newleaf.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn apps_are_served_below_paths_unless_it_is_set() {
        let addresses = parsed("").unwrap().addresses(&["127.0.0.1:8080".parse().unwrap()]);
        assert_eq!(addresses.origin(), AppOrigin::Path);
        let notes = PackageName::parse("acme/notes").unwrap();
        assert_eq!(addresses.url(&notes).unwrap(), "http://127.0.0.1:8080/apps/acme/notes/");
    }

    #[test]
    fn each_app_has_a_name_below_the_domain_or_one_of_its_own() {
        let text = format!(
            "[listen]\npublic_origin = \"https://www.example.com:8443\"\n{SUBDOMAIN}\
             [apps.\"acme/polls\"]\nhost = \"Polls.example.org\"\n"
        );
        let addresses = parsed(&text).unwrap().addresses(&["127.0.0.1:8080".parse().unwrap()]);
        let url = |app: &str| addresses.url(&PackageName::parse(app).unwrap()).unwrap();
        assert_eq!(url("acme/notes"), "https://notes.acme.apps.example.com:8443/");
        assert_eq!(url("acme/polls"), "https://polls.example.org:8443/");
    }

    #[test]
    fn names_that_cannot_stand_beside_each_other_are_refused_with_line_and_key() {
        let own = |host: &str| format!("{SUBDOMAIN}[apps.\"acme/notes\"]\nhost = \"{host}\"\n");
        let portal = "[portal]\norigin = \"https://updates.example.com\"\n";
        let long = [&["a"; 60].join("."), &["b"; 60].join(".")].map(String::as_str).join(".");
        for (text, told) in [
            (
                "[apps]\norigin = \"subdomain\"\n".to_owned(),
                "4: origin: \"subdomain\" needs apps.domain",
            ),
            ("[apps]\norigin = \"host\"\n".to_owned(), "4: origin: unknown variant `host`"),
            (
                "[apps]\ndomain = \"apps.example.com\"\n".to_owned(),
                "4: domain: goes with apps.origin",
            ),
            (
                "[apps.\"acme/notes\"]\nhost = \"notes.example.com\"\n".to_owned(),
                "4: host: goes with apps.origin",
            ),
            (SUBDOMAIN.replace("apps.", "*."), "5: domain: \"*.example.com\" cannot be read"),
            (SUBDOMAIN.replace("apps.example.com", "127.0.0.1"), "5: domain: \"127.0.0.1\" cannot"),
            (SUBDOMAIN.replace("apps.example.com", &long), "5: domain: has 239 bytes, but 173"),
            (own("notes.example.com:80"), "7: host: \"notes.example.com:80\" cannot be read"),
            (own("localhost"), "7: host: localhost is no name of one app"),
            (own("apps.example.com"), "7: host: apps.example.com is no name of one app"),
            (
                own("POLLS.acme.apps.example.com"),
                "7: host: polls.acme.apps.example.com is the name of app acme/polls",
            ),
            (
                format!("{}[apps.\"acme/a\"]\nhost = \"n.example.com.\"\n", own("N.example.com")),
                "9: host: n.example.com is the name of app acme/notes too",
            ),
            (
                format!("{}{portal}", own("updates.example.com")),
                "7: host: updates.example.com is the name of portal.origin",
            ),
            (
                format!(
                    "[listen]\npublic_origin = \"https://www.example.com\"\n{}",
                    own("www.example.com")
                ),
                "9: host: www.example.com is the name of listen.public_origin",
            ),
            (
                format!("{portal}{}", SUBDOMAIN.replace("apps.example.com", "com")),
                "7: domain: makes updates.example.com of portal.origin the name of app example/updates",
            ),
            (
                "[listen]\npublic_origin = \"www.example.com\"\n".to_owned(),
                "4: public_origin: \"www.example.com\" cannot be read as address",
            ),
        ] {
            let error = parsed(&text).unwrap_err();
            assert!(error.contains(&format!("line {told}")), "{error}\nfor\n{text}");
        }
        // Its own usual name is no other app's.
        parsed(&own("notes.acme.apps.example.com")).unwrap();
    }
}
