//! The border between the host's address space and an app's: what of a request an app sees, and
//! what of its response reaches the browser. An app never sees the portal's cookies, and cannot
//! reach beyond its own path.

use http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{CONTENT_SECURITY_POLICY, COOKIE, HOST, SET_COOKIE},
    uri::PathAndQuery,
};

/// Tells an app under which path it is served; whatever a client sends under this name is dropped.
pub(crate) const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Cookies of the portal, by name: RFC 6265 does not keep ports apart.
const PORTAL_COOKIES: [&str; 2] = ["__Host-newleaf", "newleaf"];

/// Response fields that act beyond the app's own path, and so are dropped: on the whole host name
/// or origin, on whoever keeps its reports, or on a proxy before this host, which some of them tell
/// to serve a file of its own.
const BEYOND: [HeaderName; 17] = [
    HeaderName::from_static("service-worker-allowed"),
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("strict-transport-security"),
    HeaderName::from_static("public-key-pins"),
    HeaderName::from_static("expect-ct"),
    HeaderName::from_static("alt-svc"),
    HeaderName::from_static("nel"),
    HeaderName::from_static("report-to"),
    HeaderName::from_static("accept-ch"),
    HeaderName::from_static("critical-ch"),
    HeaderName::from_static("origin-agent-cluster"),
    HeaderName::from_static("x-accel-redirect"),
    HeaderName::from_static("x-sendfile"),
    HeaderName::from_static("x-lighttpd-send-file"),
    HeaderName::from_static("x-litespeed-location"),
    HeaderName::from_static("x-reproxy-url"),
    HeaderName::from_static("x-reproxy-file"),
];

/// What stands between the host and one app.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Border<'a> {
    /// The path under which the app is served.
    pub(crate) base: &'a str,
    /// Names of further cookies that the app neither sees nor sets.
    pub(crate) kept: &'a [&'a str],
}

impl Border<'_> {
    /// Whether a cookie is none of the app's.
    fn keeps(&self, pair: &str) -> bool {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name).trim();
        PORTAL_COOKIES.iter().chain(self.kept).any(|kept| name.eq_ignore_ascii_case(kept))
    }
}

/// What an app's pages are held to where they say nothing themselves.
const DEFAULT_POLICY: HeaderValue =
    HeaderValue::from_static("frame-ancestors 'self'; base-uri 'self'");

/// Changes a request from the host's form to the app's: the path below its own, without the cookies
/// that are kept from it.
pub(crate) fn inward(uri: &mut Uri, headers: &mut HeaderMap, border: Border<'_>) {
    let base = border.base;
    *uri = below(uri, base);
    headers.remove(&FORWARDED_PREFIX);
    if let Ok(base) = HeaderValue::from_str(base)
        && !base.is_empty()
    {
        headers.insert(FORWARDED_PREFIX, base);
    }
    // wasi:http wants an authority; HTTP/1.0 clients and probes send none.
    if uri.authority().is_none() && !headers.contains_key(HOST) {
        headers.insert(HOST, HeaderValue::from_static("localhost"));
    }
    take_kept_cookies(headers, border);
}

/// Changes a response from the app's form to the host's.
pub(crate) fn outward(headers: &mut HeaderMap, border: Border<'_>) {
    for beyond in &BEYOND {
        headers.remove(beyond);
    }
    let cookies: Vec<_> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter_map(|cookie| confined(cookie.to_str().ok()?, border))
        .collect();
    headers.remove(SET_COOKIE);
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, DEFAULT_POLICY);
    }
}

/// `uri` with its path taken below `base`; a path elsewhere stays as it is.
fn below(uri: &Uri, base: &str) -> Uri {
    let Some(rest) = uri.path().strip_prefix(base) else { return uri.clone() };
    let slash = if rest.starts_with('/') { "" } else { "/" };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    match PathAndQuery::try_from(format!("{slash}{rest}{query}")) {
        Ok(path) => parts.path_and_query = Some(path),
        Err(_) => return uri.clone(),
    }
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

fn take_kept_cookies(headers: &mut HeaderMap, border: Border<'_>) {
    let own: Vec<String> = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .map(str::trim)
        .filter(|pair| !pair.is_empty() && !border.keeps(pair))
        .map(ToOwned::to_owned)
        .collect();
    headers.remove(COOKIE);
    if let Ok(line) = HeaderValue::from_str(&own.join("; "))
        && !own.is_empty()
    {
        headers.insert(COOKIE, line);
    }
}

/// A cookie without `Domain`, with `Path` under the app; none for one that poses as one of those kept
/// from the app, or whose `__Host-` prefix a path would break.
fn confined(cookie: &str, border: Border<'_>) -> Option<HeaderValue> {
    let mut parts = cookie.split(';').map(str::trim);
    let pair = parts.next()?;
    let base = border.base;
    if border.keeps(pair) || (!base.is_empty() && starts_with_ignoring_case(pair, "__Host-")) {
        return None;
    }
    let mut path = format!("{base}/");
    let mut kept = vec![pair.to_owned()];
    for attribute in parts {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        if name.trim().eq_ignore_ascii_case("domain") {
            continue;
        }
        if name.trim().eq_ignore_ascii_case("path") {
            let value = value.trim();
            if is_below(value, base) {
                value.clone_into(&mut path);
            }
            continue;
        }
        kept.push(attribute.to_owned());
    }
    kept.push(format!("Path={path}"));
    HeaderValue::from_str(&kept.join("; ")).ok()
}

/// Whether a path is the app's own, without a step back out of it.
fn is_below(path: &str, base: &str) -> bool {
    let rest = path.strip_prefix(base);
    let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    is_below && !path.split('/').any(|segment| segment == "..")
}

/// Takes from trailers what no field of the head may do either (RFC 9110 §6.5.1).
pub(crate) fn trailers(fields: &mut HeaderMap) {
    for beyond in &BEYOND {
        fields.remove(beyond);
    }
    fields.remove(SET_COOKIE);
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "/apps/acme/notes";
    const BORDER: Border<'_> = Border { base: BASE, kept: &["shop_session"] };

    fn seen(uri: &str, fields: &[(&'static str, &str)]) -> (String, HeaderMap) {
        let mut uri: Uri = uri.parse().unwrap();
        let mut headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect();
        inward(&mut uri, &mut headers, BORDER);
        (uri.to_string(), headers)
    }

    fn cookie(cookie: &str) -> Option<String> {
        confined(cookie, BORDER).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn the_path_is_seen_below_the_app() {
        assert_eq!(seen("/apps/acme/notes/new?x=1", &[]).0, "/new?x=1");
        assert_eq!(seen("/apps/acme/notes", &[]).0, "/");
        assert_eq!(seen("/apps/acme/notes?x", &[]).0, "/?x");
        assert_eq!(seen("/elsewhere", &[]).0, "/elsewhere");
    }

    #[test]
    fn the_portals_cookies_are_not_seen() {
        let lines = [("cookie", "a=1; __Host-newleaf=secret; newleaf=secret; NEWLEAF=x; b=2")];
        assert_eq!(seen("/", &lines).1[COOKIE], "a=1; b=2");
        assert!(!seen("/", &[("cookie", "newleaf=secret")]).1.contains_key(COOKIE));
    }

    #[test]
    fn the_products_session_is_neither_seen_nor_set() {
        let lines = [("cookie", "a=1; shop_session=secret; shop_sessions=2")];
        assert_eq!(seen("/", &lines).1[COOKIE], "a=1; shop_sessions=2");
        assert_eq!(cookie("Shop_Session=stolen; Path=/"), None);
    }

    #[test]
    fn a_client_cannot_choose_the_prefix() {
        assert_eq!(seen("/", &[("x-forwarded-prefix", "/evil")]).1[FORWARDED_PREFIX], BASE);
    }

    #[test]
    fn a_cookie_stays_under_the_app() {
        assert_eq!(
            cookie("a=1; Domain=example.com; Path=/; HttpOnly").unwrap(),
            "a=1; HttpOnly; Path=/apps/acme/notes/"
        );
        assert_eq!(cookie("a=1; Path=/apps/acme/notes/x").unwrap(), "a=1; Path=/apps/acme/notes/x");
        assert_eq!(
            cookie("a=1; path=/apps/acme/notes-evil").unwrap(),
            "a=1; Path=/apps/acme/notes/"
        );
        assert_eq!(
            cookie("a=1; Path=/apps/acme/notes/../other/").unwrap(),
            "a=1; Path=/apps/acme/notes/"
        );
        assert_eq!(cookie("newleaf=stolen; Path=/"), None);
        assert_eq!(cookie("__Host-x=1; Path=/"), None);
    }

    #[test]
    fn an_app_with_a_host_name_of_its_own_has_all_paths_there_and_no_prefix() {
        let own = Border { base: "", kept: &["shop_session"] };
        let mut uri: Uri = "/apps/acme/notes?x=1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_PREFIX, HeaderValue::from_static("/evil"));
        headers.insert(COOKIE, HeaderValue::from_static("a=1; __Host-newleaf=x; shop_session=y"));
        inward(&mut uri, &mut headers, own);
        assert_eq!(uri.to_string(), "/apps/acme/notes?x=1");
        assert!(!headers.contains_key(FORWARDED_PREFIX));
        assert_eq!(headers[COOKIE], "a=1");
        let set = |cookie: &str| confined(cookie, own).map(|it| it.to_str().unwrap().to_owned());
        assert_eq!(set("a=1; Domain=example.com").unwrap(), "a=1; Path=/");
        assert_eq!(set("a=1; Path=relative; Domain=.com").unwrap(), "a=1; Path=/");
        assert_eq!(set("a=1; Path=/x").unwrap(), "a=1; Path=/x");
        assert_eq!(set("__Host-a=1; Secure").unwrap(), "__Host-a=1; Secure; Path=/");
        assert_eq!(set("__Host-newleaf=1; Path=/"), None);
        assert_eq!(set("shop_session=1; Path=/"), None);
    }

    #[test]
    fn fields_that_reach_beyond_the_app_are_dropped() {
        let mut headers = HeaderMap::new();
        headers.insert("service-worker-allowed", HeaderValue::from_static("/"));
        headers.insert("clear-site-data", HeaderValue::from_static("\"*\""));
        headers.insert("strict-transport-security", HeaderValue::from_static("max-age=1"));
        headers.insert("x-accel-redirect", HeaderValue::from_static("/etc/passwd"));
        outward(&mut headers, BORDER);
        assert_eq!(headers.len(), 1);
        assert_eq!(headers[CONTENT_SECURITY_POLICY], DEFAULT_POLICY);
    }
}
