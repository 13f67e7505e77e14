//! JSON Feed 1.0 and 1.1 (<https://www.jsonfeed.org/version/1.1/>).

use serde_json::Value;
use url::Url;

use super::{
    Document, Entry, ParseError,
    date::instant,
    link::{absolute, guid},
    push_escaped,
};

/// Reads a JSON Feed.
pub(super) fn read(text: &str, address: &Url) -> Result<Document, ParseError> {
    let feed: Value =
        serde_json::from_str(text).map_err(|error| ParseError::Json(error.to_string()))?;
    let version = words(&feed, "version").unwrap_or_default();
    if !version.contains("jsonfeed.org/version/") {
        return Err(ParseError::Json("it names no version of JSON Feed".to_owned()));
    }
    let site = words(&feed, "home_page_url").and_then(|link| absolute(link, address));
    let base = site.as_deref().and_then(|site| Url::parse(site).ok());
    let base = base.unwrap_or_else(|| address.clone());
    let items = feed.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let authors = author(&feed);
    Ok(Document {
        title: escaped(words(&feed, "title").unwrap_or_default()),
        site,
        entries: items.iter().map(|item| entry(item, &base, &authors)).collect(),
    })
}

fn entry(item: &Value, base: &Url, feeds_author: &str) -> Entry {
    let link = ["url", "external_url"].iter().find_map(|name| words(item, name));
    let link = link.and_then(|link| absolute(link, base));
    let id = match item.get("id") {
        Some(Value::String(id)) => guid(id),
        // Version 1 of the format asks readers to take numbers too.
        Some(Value::Number(id)) => id.to_string(),
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => {
            String::new()
        }
    };
    let plain = || ["content_text", "summary"].iter().find_map(|name| words(item, name));
    let html = words(item, "content_html").map(ToOwned::to_owned);
    let own = author(item);
    Entry {
        guid: id,
        title: escaped(words(item, "title").unwrap_or_default()),
        author: if own.is_empty() { feeds_author.to_owned() } else { own },
        published: ["date_published", "date_modified"]
            .iter()
            .find_map(|name| words(item, name))
            .and_then(instant),
        html: html.unwrap_or_else(|| {
            escaped(plain().unwrap_or_default()).replace("\n\n", "<p>").replace('\n', "<br>")
        }),
        base: Some(base.clone()),
        link,
    }
    .identified()
}

fn author(of: &Value) -> String {
    let first = of.get("authors").and_then(|authors| authors.get(0));
    let author = first.or_else(|| of.get("author"));
    escaped(author.and_then(|author| words(author, "name")).unwrap_or_default())
}

fn words<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    of.get(name).and_then(Value::as_str)
}

fn escaped(text: &str) -> String {
    let mut html = String::new();
    push_escaped(&mut html, text);
    html
}
