//! What programs that read pages aloud need of their markup: names of controls, one headline, a
//! language, and no reference into nothing (WCAG 2.2 SC 1.1.1, 1.3.1, 3.1.1, 4.1.2).

use std::collections::{BTreeMap, BTreeSet};

/// A start tag, and the text that follows up to the next tag.
#[derive(Debug)]
struct Tag<'a> {
    name: &'a str,
    attributes: BTreeMap<&'a str, &'a str>,
    /// The elements around it, outermost first, as places in the list of tags.
    within: Vec<usize>,
    /// The text directly and indirectly in it, without that of elements hidden from readers.
    text: String,
}

impl Tag<'_> {
    fn is(&self, attribute: &str, value: &str) -> bool {
        self.attributes.get(attribute) == Some(&value)
    }

    fn has_words(&self, attribute: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|words| !words.trim().is_empty())
    }
}

/// Elements without an end tag.
const VOID: [&str; 6] = ["meta", "link", "input", "img", "br", "hr"];

/// The start tags of a page as the portal writes them: each attribute as `name` or `name="value"`,
/// each element that is not void with an end tag.
fn tags(page: &str) -> Vec<Tag<'_>> {
    let (mut tags, mut open): (Vec<Tag<'_>>, Vec<usize>) = (Vec::new(), Vec::new());
    for piece in page.split('<').skip(1) {
        let (tag, text) = split_tag(piece);
        if let Some(name) = tag.strip_prefix('/') {
            let place = open.pop().expect("an end tag without a start tag");
            assert_eq!(tags[place].name, name, "an end tag of another element");
        } else if !tag.starts_with('!') {
            let (name, rest) = tag.split_once(' ').unwrap_or((tag, ""));
            let name = name.trim_end_matches('/');
            tags.push(Tag {
                name,
                attributes: attributes(rest),
                within: open.clone(),
                text: String::new(),
            });
            if !VOID.contains(&name) && !tag.ends_with('/') {
                open.push(tags.len() - 1);
            }
        }
        let hidden = open.iter().any(|place| tags[*place].is("aria-hidden", "true"));
        if !hidden {
            for place in &open {
                tags[*place].text.push_str(text);
            }
        }
    }
    assert!(open.is_empty(), "an element is not closed");
    tags
}

/// Splits at the `>` that ends the tag, which may stand in a value too.
fn split_tag(piece: &str) -> (&str, &str) {
    let mut quoted = false;
    let end = piece.find(|c| {
        quoted ^= c == '"';
        c == '>' && !quoted
    });
    let end = end.expect("a tag is not closed");
    (&piece[..end], &piece[end + 1..])
}

fn attributes(mut rest: &str) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    while let Some(start) = rest.find(|c: char| !c.is_whitespace() && c != '/') {
        rest = &rest[start..];
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix("=\"") else {
            found.insert(name, "");
            rest = after;
            continue;
        };
        let (value, after) = value.split_once('"').expect("a value is not closed");
        found.insert(name, value);
        rest = after;
    }
    found
}

/// What is wrong with a page; nothing where it can be used without seeing it.
pub(crate) fn faults(page: &str) -> Vec<String> {
    let tags = tags(page);
    let count = |name| tags.iter().filter(|tag| tag.name == name).count();
    let mut faults = Vec::new();
    for name in ["h1", "main", "title"] {
        if count(name) != 1 {
            faults.push(format!("{} of <{name}>", count(name)));
        }
    }
    if !tags.iter().any(|tag| tag.name == "html" && tag.has_words("lang")) {
        faults.push("no language".to_owned());
    }
    let mut ids = BTreeSet::new();
    for id in tags.iter().filter_map(|tag| tag.attributes.get("id")) {
        if !ids.insert(*id) {
            faults.push(format!("two elements with the id {id}"));
        }
    }
    for tag in &tags {
        faults.extend(unnamed(tag, &tags));
        faults.extend(dangling(tag, &ids));
    }
    faults
}

/// An element that needs a name and has none.
fn unnamed(tag: &Tag<'_>, tags: &[Tag<'_>]) -> Option<String> {
    let is_labelled = tag.has_words("aria-label") || tag.has_words("aria-labelledby");
    let has_label = || {
        let around = tag.within.iter().map(|place| &tags[*place]);
        let inside = around.filter(|it| it.name == "label").any(|it| !it.text.trim().is_empty());
        let id = tag.attributes.get("id");
        inside
            || tags
                .iter()
                .any(|it| it.name == "label" && it.attributes.get("for") == id && id.is_some())
    };
    let named = match tag.name {
        "img" => tag.attributes.contains_key("alt"),
        "svg" => tag.is("aria-hidden", "true") || is_labelled,
        "input" if tag.is("type", "hidden") => true,
        "input" | "select" | "textarea" | "progress" => is_labelled || has_label(),
        "button" | "a" | "summary" | "h1" | "h2" | "h3" | "h4" => {
            is_labelled || !tag.text.trim().is_empty()
        }
        _ => true,
    };
    (!named).then(|| format!("<{}> without a name: {:?}", tag.name, tag.attributes))
}

/// References to elements that are not there.
fn dangling(tag: &Tag<'_>, ids: &BTreeSet<&str>) -> Vec<String> {
    let words = ["for", "aria-labelledby", "aria-describedby", "aria-controls"];
    let named = words.iter().filter_map(|name| Some((name, tag.attributes.get(name)?)));
    let named = named.flat_map(|(name, value)| value.split(' ').map(move |id| (name, id)));
    let missing = named.filter(|(_, id)| !ids.contains(id));
    missing.map(|(name, id)| format!("{name}={id:?} names nothing")).collect()
}

#[test]
fn each_fault_is_found() {
    let whole = r#"<!DOCTYPE html><html lang="en"><head><title>t</title></head><body><main><h1>One</h1>{}</main></body></html>"#;
    assert_eq!(faults(&whole.replace("{}", "<p>a &gt; b</p>")), Vec::<String>::new());
    for (part, fault) in [
        ("<h1>Two</h1>", "2 of <h1>"),
        (r#"<img src="x>y">"#, "<img> without a name"),
        (r#"<input type="checkbox" name="x">"#, "<input> without a name"),
        (r#"<select id="s"></select><label for="t">T</label>"#, "<select> without a name"),
        (
            r#"<button><svg aria-hidden="true"><path d=""></path></svg></button>"#,
            "<button> without",
        ),
        (r#"<p id="a"></p><p id="a"></p>"#, "two elements with the id a"),
        (r#"<section aria-labelledby="gone"></section>"#, "names nothing"),
    ] {
        let found = faults(&whole.replace("{}", part)).join("\n");
        assert!(found.contains(fault), "{fault} was not found in {part}: {found}");
    }
    for part in [
        r#"<label><input type="checkbox" name="x"> Yes</label>"#,
        r#"<label for="s">Which</label><select id="s"></select>"#,
        r#"<img src="x" alt="">"#,
        r#"<input type="hidden" name="x" value="a>b">"#,
    ] {
        assert_eq!(faults(&whole.replace("{}", part)), Vec::<String>::new(), "{part}");
    }
    assert!(faults("<html><title>t</title><main><h1>x</h1></main></html>")[0].contains("language"));
}
