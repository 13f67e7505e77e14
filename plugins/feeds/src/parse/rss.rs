//! RSS: 2.0 and its ancestors 0.91 to 0.94, and RSS 1.0 (RDF).

use url::Url;

use super::{
    Document, Element, Entry,
    date::instant,
    link::{absolute, base_of, guid},
};

/// Reads `<rss>`.
pub(super) fn read_2(root: &Element, address: &Url) -> Document {
    let empty = Element::default();
    let channel = root.child("channel").unwrap_or(&empty);
    // RSS 0.90 and some hand-written feeds put the items beside the channel.
    channel_with(channel, channel.elements().chain(root.elements()), address)
}

/// Reads `<rdf:RDF>`, in which the items stand beside the channel.
pub(super) fn read_1(root: &Element, address: &Url) -> Document {
    let empty = Element::default();
    channel_with(root.child("channel").unwrap_or(&empty), root.elements(), address)
}

fn channel_with<'a>(
    channel: &Element,
    items: impl Iterator<Item = &'a Element>,
    address: &Url,
) -> Document {
    let base = base_of(channel, address);
    let site = channel.text_of(&["link"]).and_then(|link| absolute(&link, &base));
    // Relative links in an entry mean the site, where the feed names one (RSS Best Practices).
    let base = site.as_deref().and_then(|site| Url::parse(site).ok()).unwrap_or(base);
    let items = items.filter(|element| element.name == "item");
    Document {
        title: channel.text_of(&["title"]).unwrap_or_default(),
        site,
        entries: items.map(|item| entry(item, &base)).collect(),
    }
}

fn entry(item: &Element, outer: &Url) -> Entry {
    let base = base_of(item, outer);
    let named = item.child("guid");
    let permanent = named.is_some_and(|guid| guid.attribute("isPermaLink") != Some("false"));
    let id = named.map(Element::text).or_else(|| {
        // RSS 1.0 names an item by its `rdf:about`.
        item.attribute("rdf:about").map(ToOwned::to_owned)
    });
    let link = item.text_of(&["link"]).or_else(|| {
        let atom = item.elements().find(|element| element.name == "atom:link");
        atom.and_then(|link| link.attribute("href")).map(ToOwned::to_owned)
    });
    // A guid that is a permanent link is one, if it looks like one: many forget to say that it is not.
    let link = link.or_else(|| {
        id.clone()
            .filter(|id| permanent && (id.starts_with("http://") || id.starts_with("https://")))
    });
    let link = link.and_then(|link| absolute(&link, &base));
    Entry {
        guid: id.as_deref().map(guid).unwrap_or_default(),
        title: item.text_of(&["title"]).unwrap_or_default(),
        author: item.text_of(&["dc:creator", "author"]).unwrap_or_default(),
        published: item
            .text_of(&["pubDate", "dc:date", "dc:issued", "atom:published", "atom:updated"])
            .and_then(|date| instant(&date)),
        html: item.text_of(&["content:encoded", "description"]).unwrap_or_default(),
        base: Some(link.as_deref().and_then(|link| Url::parse(link).ok()).unwrap_or(base)),
        link,
    }
    .identified()
}
