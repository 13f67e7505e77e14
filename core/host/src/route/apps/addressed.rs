//! The host name that a request is for (RFC 9110 §7.2). Says nothing about whose it is.

use axum::http::header::{HOST, HeaderMap};
use axum::http::{Uri, uri::Authority};
use newleaf_domain::address::authority_of;

/// What a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Addressed {
    /// A host, in the client's spelling, and a port, where it is not the scheme's own.
    Name { host: String, port: Option<u16> },
    /// Nothing: HTTP/1.0, or a target without an authority.
    Nameless,
    /// More than one host, or what is none. Two readers could take it for two.
    Unclear,
}

/// What a request names: its target, where that has an authority (`:authority` of HTTP/2, the
/// absolute form of HTTP/1.1), which `Host` then has no say against (RFC 9112 §3.2.2); else `Host`.
pub(super) fn addressed(target: &Uri, fields: &HeaderMap) -> Addressed {
    let mut hosts = fields.get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Addressed::Unclear;
    }
    match (target.authority(), host.map(|host| host.to_str())) {
        (Some(authority), _) => read(authority.as_str()),
        (None, Some(Ok(host))) => read(host),
        (None, Some(Err(_))) => Addressed::Unclear,
        (None, None) => Addressed::Nameless,
    }
}

fn read(text: &str) -> Addressed {
    if text.is_empty() {
        return Addressed::Nameless;
    }
    let is_authority = !text.contains('@') && text.parse::<Authority>().is_ok();
    match authority_of(text) {
        Some((host, port)) if is_authority && !host.is_empty() => {
            Addressed::Name { host: host.to_owned(), port }
        }
        Some(_) | None => Addressed::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(target: &str, hosts: &[&str]) -> Addressed {
        let mut fields = HeaderMap::new();
        for host in hosts {
            fields.append(HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
        }
        addressed(&target.parse().unwrap(), &fields)
    }

    fn name(host: &str, port: Option<u16>) -> Addressed {
        Addressed::Name { host: host.to_owned(), port }
    }

    #[test]
    fn the_target_has_the_say_and_else_the_one_host() {
        assert_eq!(asked("/", &["a.example.com:8080"]), name("a.example.com", Some(8080)));
        assert_eq!(asked("/", &["a.example.com:"]), name("a.example.com", None));
        assert_eq!(
            asked("http://b.example.com/x", &["a.example.com"]),
            name("b.example.com", None)
        );
        assert_eq!(asked("/", &["[::1]:8080"]), name("[::1]", Some(8080)));
        assert_eq!(asked("/", &["[::1]"]), name("[::1]", None));
        assert_eq!(asked("/", &[]), Addressed::Nameless);
        assert_eq!(asked("/", &[""]), Addressed::Nameless);
    }

    #[test]
    fn what_two_readers_could_take_for_two_hosts_is_none() {
        for hosts in [
            &["a.example.com", "b.example.com"][..],
            &["a.example.com", "a.example.com"],
            &["user@a.example.com"],
            &["a.example.com:80@b.example.com"],
            &["a.example.com:port"],
            &["a.example.com:99999"],
            &["a.example.com, b.example.com"],
            &["a.example.com/x"],
            &["http://a.example.com"],
            &["a example.com"],
            &[":80"],
            &["::1"],
            &["caf\u{e9}.example.com"],
        ] {
            assert_eq!(asked("/", hosts), Addressed::Unclear, "{hosts:?}");
        }
        assert_eq!(asked("http://user@a.example.com/", &[]), Addressed::Unclear);
        assert_eq!(asked("http://a.example.com/", &["x", "y"]), Addressed::Unclear);
    }
}
