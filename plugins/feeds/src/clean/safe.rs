//! HTML cut down to what is on the lists.

use std::collections::{HashMap, HashSet};

use ammonia::{Builder, UrlRelative};
use url::Url;

use super::plain::{PICTURE, PICTURE_END, beginning, tag_end, without_tags, words};

/// Elements that may stay; of every other its text stays, or nothing (`script`, `style`).
pub(super) const ELEMENTS: [&str; 63] = [
    "a",
    "abbr",
    "b",
    "bdi",
    "bdo",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
    "var",
    "wbr",
];

/// More tags than this in one text are an attack on the reader, or no text.
const MAX_TAGS: usize = 4000;

/// The longest text that is read as HTML, in bytes.
const MAX_HTML: usize = 512 * 1024;

/// The longest result, in bytes; beyond it only the beginning is kept, as plain words.
const MAX_CLEAN: usize = 96 * 1024;

/// `html` made safe; its relative links begin from `base`, and are dropped where there is none.
pub(crate) fn clean(html: &str, base: Option<&Url>) -> String {
    if html.len() > MAX_HTML || html.matches('<').count() > MAX_TAGS {
        return beginning(&without_tags(html));
    }
    let relative = match base {
        Some(base) => UrlRelative::RewriteWithBase(base.clone()),
        None => UrlRelative::Deny,
    };
    let attributes: HashMap<&str, HashSet<&str>> = HashMap::from([
        ("a", HashSet::from(["href"])),
        ("img", HashSet::from(["alt"])),
        ("ol", HashSet::from(["start"])),
        ("td", HashSet::from(["colspan", "rowspan"])),
        ("th", HashSet::from(["colspan", "rowspan"])),
        ("time", HashSet::from(["datetime"])),
    ]);
    let safe = Builder::empty()
        .tags(HashSet::from(ELEMENTS))
        .clean_content_tags(HashSet::from([
            "script", "style", "noscript", "iframe", "object", "template", "svg", "math", "title",
            "head", "textarea", "select", "noframes", "noembed",
        ]))
        .tag_attributes(attributes)
        .generic_attributes(HashSet::from(["title", "lang"]))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(relative)
        .link_rel(Some("noopener noreferrer nofollow"))
        .strip_comments(true)
        .clean(html)
        .to_string();
    let safe = pictures_in_words(&safe);
    if safe.len() > MAX_CLEAN { beginning(&words(&safe)) } else { safe }
}

/// Each picture as its description in words.
fn pictures_in_words(safe: &str) -> String {
    let mut out = String::with_capacity(safe.len());
    let mut rest = safe;
    while let Some(at) = rest.find("<img") {
        out.push_str(&rest[..at]);
        let Some(end) = tag_end(&rest[at..]) else { return out };
        let tag = &rest[at..at + end];
        let alt = tag.split_once("alt=\"").and_then(|(_, after)| after.split('"').next());
        let alt = alt.map(str::trim).filter(|alt| !alt.is_empty()).unwrap_or("a picture");
        out.push('<');
        out.push_str(PICTURE);
        out.push('>');
        // An attribute may hold what an element may not.
        out.push_str(&alt.replace('<', "&lt;").replace('>', "&gt;"));
        out.push_str(PICTURE_END);
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    out
}
