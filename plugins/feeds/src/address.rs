//! Addresses of feeds: which may be added, and which host each needs.

use url::Url;

/// The longest address.
const LONGEST: usize = 2000;

/// The address in `text`, in the form in which it is kept; or what is wrong with it, in a sentence
/// for the person who typed it.
pub(crate) fn parse(text: &str) -> Result<Url, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Err("Please give the address of a feed.");
    }
    if text.len() > LONGEST {
        return Err("The address is too long; it may have 2,000 characters.");
    }
    // `feed:` stands before an address, or in the place of `http:`.
    let text = match text.strip_prefix("feed:") {
        Some(rest) if rest.starts_with("//") => format!("http:{rest}"),
        Some(rest) => rest.to_owned(),
        None => text.to_owned(),
    };
    let text = if text.contains("://") { text } else { format!("https://{text}") };
    let Ok(mut url) = Url::parse(&text) else {
        return Err("This is not a web address.");
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err("The address must begin with https:// or http://.");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("An address with a user name or password in it is not taken.");
    }
    url.set_fragment(None);
    Ok(url)
}

/// The host of an address as a grant names it: with its port where that is not the usual one.
pub(crate) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_one_form() {
        for (typed, kept) in [
            (" HTTPS://Example.COM:443/Feed.xml#top ", "https://example.com/Feed.xml"),
            ("example.com/feed", "https://example.com/feed"),
            ("feed://example.com/feed", "http://example.com/feed"),
            ("feed:https://example.com/feed", "https://example.com/feed"),
            ("https://bücher.example.com/", "https://xn--bcher-kva.example.com/"),
            ("http://127.0.0.1:8080/a b", "http://127.0.0.1:8080/a%20b"),
        ] {
            assert_eq!(parse(typed).unwrap().as_str(), kept, "{typed}");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_with_its_reason() {
        for typed in
            ["", "https://", "ftp://example.com/", "javascript://x", "https://a:b@example.com/"]
        {
            assert!(parse(typed).is_err(), "{typed}");
        }
        assert!(parse(&format!("https://example.com/{}", "x".repeat(3000))).is_err());
    }

    #[test]
    fn the_host_has_its_port_only_where_it_is_unusual() {
        assert_eq!(host(&parse("https://example.com:443/").unwrap()), "example.com");
        assert_eq!(host(&parse("http://example.com:8080/").unwrap()), "example.com:8080");
    }
}
