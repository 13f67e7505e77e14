//! The one cookie of the portal: its name, how it is read, set and taken back.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::origin::Origin;
use crate::token::Secret;

/// The cookie's name at `origin`. `__Host-` makes browsers refuse it from other hosts and paths
/// (RFC 6265bis §4.1.3.2); over loopback HTTP they would refuse the prefix itself.
fn name(origin: &Origin) -> &'static str {
    if origin.is_https() { "__Host-newleaf" } else { "newleaf" }
}

/// Every value under our name that has the form of a secret, in the order sent.
pub(crate) fn secrets(origin: &Origin, headers: &HeaderMap) -> Vec<Secret> {
    values(origin, headers).filter_map(Secret::parse).collect()
}

/// Whether the request carries any value under our name.
pub(crate) fn is_present(origin: &Origin, headers: &HeaderMap) -> bool {
    values(origin, headers).next().is_some()
}

fn values<'h>(origin: &Origin, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
    let name = name(origin);
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(move |(key, value)| (key == name).then_some(value))
}

/// The `Set-Cookie` value that starts a session of `seconds`.
pub(crate) fn set(origin: &Origin, secret: &Secret, seconds: i64) -> Option<HeaderValue> {
    let text = format!("{}={}; Max-Age={seconds}{}", name(origin), secret.reveal(), flags(origin));
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The `Set-Cookie` value that ends it.
pub(crate) fn clear(origin: &Origin) -> Option<HeaderValue> {
    HeaderValue::try_from(format!("{}=; Max-Age=0{}", name(origin), flags(origin))).ok()
}

fn flags(origin: &Origin) -> &'static str {
    if origin.is_https() {
        "; Path=/; HttpOnly; SameSite=Strict; Secure"
    } else {
        "; Path=/; HttpOnly; SameSite=Strict"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https() -> Origin {
        Origin::parse("https://portal.example.com").unwrap()
    }

    fn loopback() -> Origin {
        Origin::parse("http://127.0.0.1:8081").unwrap()
    }

    fn with(cookie: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(cookie).unwrap())])
    }

    #[test]
    fn over_https_the_cookie_is_bound_to_the_host_and_secure() {
        let set = set(&https(), &Secret::from_bytes([1; 32]), 60).unwrap();
        let text = set.to_str().unwrap();
        assert!(text.starts_with("__Host-newleaf=0101"), "{text}");
        assert!(
            text.ends_with("; Max-Age=60; Path=/; HttpOnly; SameSite=Strict; Secure"),
            "{text}"
        );
    }

    #[test]
    fn over_loopback_http_it_has_the_plain_name() {
        let set = set(&loopback(), &Secret::from_bytes([1; 32]), 60).unwrap();
        assert!(set.to_str().unwrap().starts_with("newleaf=0101"));
        assert!(!set.to_str().unwrap().contains("Secure"));
    }

    #[test]
    fn the_plain_name_counts_for_nothing_over_https() {
        let secret = Secret::from_bytes([1; 32]).reveal();
        assert!(secrets(&https(), &with(&format!("newleaf={secret}"))).is_empty());
        assert_eq!(secrets(&https(), &with(&format!("a=b; __Host-newleaf={secret}"))).len(), 1);
    }

    #[test]
    fn values_of_another_form_are_dropped_and_good_ones_beside_them_kept() {
        let secret = Secret::from_bytes([1; 32]);
        let line = format!("newleaf=planted; newleaf={}; newleaf", secret.reveal());
        assert_eq!(secrets(&loopback(), &with(&line)), [secret]);
        assert!(is_present(&loopback(), &with("newleaf=planted")));
    }
}
