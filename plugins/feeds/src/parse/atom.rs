//! Atom 1.0 (RFC 4287), and the 0.3 draft where it is the same.

use url::Url;

use super::{
    Document, Element, Entry,
    date::instant,
    link::{absolute, base_of, guid},
    push_escaped,
};

/// Reads `<feed>`.
pub(super) fn read(root: &Element, address: &Url) -> Document {
    let base = base_of(root, address);
    let entries = root.elements().filter(|element| element.name == "atom:entry");
    let author = author(root);
    Document {
        title: root.child("atom:title").map(html).unwrap_or_default(),
        site: link(root, &base),
        entries: entries.map(|element| entry(element, &base, &author)).collect(),
    }
}

fn entry(element: &Element, outer: &Url, feeds_author: &str) -> Entry {
    let base = base_of(element, outer);
    let text = element.child("atom:content").filter(|content| content.attribute("src").is_none());
    let text = text.or_else(|| element.child("atom:summary"));
    let date = element.text_of(&["atom:published", "atom:issued", "atom:updated", "atom:modified"]);
    let own = author(element);
    Entry {
        guid: element.text_of(&["atom:id"]).as_deref().map(guid).unwrap_or_default(),
        title: element.child("atom:title").map(html).unwrap_or_default(),
        link: link(element, &base),
        author: if own.is_empty() { feeds_author.to_owned() } else { own },
        published: date.and_then(|date| instant(&date)),
        html: text.map(html).unwrap_or_default(),
        base: Some(text.map_or_else(|| base.clone(), |text| base_of(text, &base))),
    }
    .identified()
}

/// The link to read at: `rel` "alternate", or none given (RFC 4287 §4.2.7.2).
fn link(element: &Element, base: &Url) -> Option<String> {
    let links = element.elements().filter(|child| child.name == "atom:link");
    let readable = links.filter(|link| matches!(link.attribute("rel"), None | Some("alternate")));
    // Several alternates differ in type; a page is what a person wants.
    let best = readable.min_by_key(|link| {
        usize::from(!link.attribute("type").is_none_or(|kind| kind.contains("html")))
    })?;
    absolute(best.attribute("href")?, &base_of(best, base))
}

fn author(element: &Element) -> String {
    let name = element.child("atom:author").and_then(|author| author.text_of(&["atom:name"]));
    let mut html = String::new();
    push_escaped(&mut html, &name.unwrap_or_default());
    html
}

/// A text construct as HTML (RFC 4287 §3.1).
fn html(construct: &Element) -> String {
    match construct.attribute("type").unwrap_or("text") {
        "html" | "text/html" => construct.text(),
        "xhtml" | "application/xhtml+xml" => construct.markup(),
        kind if kind == "text" || kind.starts_with("text/") => {
            let mut html = String::new();
            push_escaped(&mut html, &construct.text());
            html
        }
        // Pictures, other documents: nothing that can be read here.
        _ => String::new(),
    }
}
