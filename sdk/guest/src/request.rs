//! A request, read to its end.

use crate::Form;

/// A request to the app.
#[derive(Debug, Clone, Default)]
pub struct Request {
    pub(crate) method: String,
    pub(crate) authority: Option<String>,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The method in capitals, such as `GET`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The host the client asked, with its port where it named one: what an `Origin` of the app's
    /// own pages ends with.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The path below the app, beginning with `/`, as it was sent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path's segments, without empty ones: `/notes/7/` is `["notes", "7"]`.
    pub fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|segment| !segment.is_empty()).collect()
    }

    /// What stands after the `?`, as it was sent.
    pub fn query_string(&self) -> &str {
        &self.query
    }

    /// What is given for `name` after the `?`.
    pub fn query(&self, name: &str) -> Option<String> {
        Form::parse(&self.query).get(name).map(ToOwned::to_owned)
    }

    /// The first field of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as a form.
    pub fn form(&self) -> Form {
        Form::parse(&String::from_utf8_lossy(&self.body))
    }

    /// Whether a browser says that a page of another site made this request: by Fetch Metadata
    /// (`Sec-Fetch-Site`), or where it sends none, as over plain HTTP, by an `Origin` that is not the
    /// app's own (RFC 6454 §7). Ask it of every request that changes something, and refuse those.
    pub fn comes_from_elsewhere(&self) -> bool {
        match self.header("sec-fetch-site") {
            Some(site) => !matches!(site, "same-origin" | "none"),
            None => self.header("origin").is_some_and(|origin| {
                let host = origin.split_once("://").map(|(_, host)| host);
                host.is_none() || host != self.authority()
            }),
        }
    }

    /// Whether nobody has seen the answer yet, or may ever: a browser fetches it ahead of its visitor,
    /// or the host looks whether the page works (`Sec-Purpose: prefetch`, Fetch Standard). Answer as
    /// usual, and keep no trace of it, such as that something was read.
    pub fn is_ahead(&self) -> bool {
        self.header("sec-purpose").is_some_and(|purpose| purpose.contains("prefetch"))
    }

    /// Where a link to `path` (which begins with `/`) must point, for the browser: the app may be
    /// served below a path of the host.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.header("x-forwarded-prefix").unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(authority: Option<&str>, fields: &[(&str, &str)]) -> Request {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Request {
            authority: authority.map(ToOwned::to_owned),
            headers: fields.iter().map(owned).collect(),
            ..Request::default()
        }
    }

    #[test]
    fn a_page_of_another_site_is_known_by_either_field() {
        let host = Some("notes.acme.example.com:8080");
        for fields in [
            &[("Sec-Fetch-Site", "cross-site")][..],
            &[("sec-fetch-site", "same-site"), ("origin", "http://notes.acme.example.com:8080")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://notes.acme.example.com")],
            &[("origin", "http://polls.acme.example.com:8080")],
            &[("origin", "null")],
        ] {
            assert!(asked(host, fields).comes_from_elsewhere(), "{fields:?}");
        }
        assert!(asked(None, &[("origin", "http://evil.example")]).comes_from_elsewhere());
        assert!(asked(None, &[("origin", "null")]).comes_from_elsewhere());
    }

    #[test]
    fn a_look_ahead_is_known_by_its_purpose() {
        for (purpose, is_ahead) in
            [("prefetch", true), ("prefetch;prerender", true), ("", false), ("video", false)]
        {
            assert_eq!(asked(None, &[("Sec-Purpose", purpose)]).is_ahead(), is_ahead, "{purpose}");
        }
        assert!(!asked(None, &[]).is_ahead());
    }

    #[test]
    fn a_page_of_its_own_and_a_program_are_no_strangers() {
        let host = Some("notes.acme.example.com:8080");
        for fields in [
            &[][..],
            &[("sec-fetch-site", "same-origin"), ("origin", "https://behind.a.proxy.example")],
            &[("sec-fetch-site", "none")],
            &[("origin", "http://notes.acme.example.com:8080")],
        ] {
            assert!(!asked(host, fields).comes_from_elsewhere(), "{fields:?}");
        }
    }
}
