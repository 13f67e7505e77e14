//! XML as a tree of elements with bounded depth and size. Declared entities are never expanded, so
//! there is nothing a document type could blow up, and nothing outside the document is opened.

use quick_xml::{
    NsReader,
    escape::unescape_with,
    events::{BytesRef, BytesStart, Event},
    name::ResolveResult,
};

use super::ParseError;

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 100;

/// The most elements that are read.
const MAX_ELEMENTS: usize = 50_000;

/// Namespaces, and the prefix by which this crate calls each.
const NAMESPACES: [(&str, &str); 9] = [
    ("http://www.w3.org/2005/Atom", "atom"),
    ("http://purl.org/atom/ns#", "atom"),
    ("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf"),
    ("http://purl.org/rss/1.0/", ""),
    ("http://my.netscape.com/rdf/simple/0.9/", ""),
    ("http://purl.org/rss/1.0/modules/content/", "content"),
    ("http://purl.org/dc/elements/1.1/", "dc"),
    ("http://purl.org/dc/terms/", "dc"),
    ("http://www.w3.org/1999/xhtml", "xhtml"),
];

/// One element.
#[derive(Debug, Clone, Default)]
pub(crate) struct Element {
    /// `title`, or with the prefix of [`NAMESPACES`]: `atom:title`. Of another namespace:
    /// `other:title`.
    pub(crate) name: String,
    attributes: Vec<(String, String)>,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    Text(String),
    Element(Element),
}

impl Element {
    /// The attribute called `name` in the document.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The elements directly inside.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first element of this name directly inside.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.name == name)
    }

    /// The first text that is not empty of the children called as in `names`, in that order.
    pub(crate) fn text_of(&self, names: &[&str]) -> Option<String> {
        let of = |name: &&str| {
            let children = self.elements().filter(|element| element.name == *name);
            children.map(Self::text).find(|text| !text.is_empty())
        };
        names.iter().find_map(of)
    }

    /// All text inside, trimmed.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.collect_text(&mut text);
        text.trim().to_owned()
    }

    fn collect_text(&self, out: &mut String) {
        for node in &self.nodes {
            match node {
                Node::Text(text) => out.push_str(text),
                Node::Element(element) => element.collect_text(out),
            }
        }
    }

    /// What is inside, as HTML: for content that is markup and not text (RFC 4287 §3.1.1.3).
    pub(crate) fn markup(&self) -> String {
        let mut html = String::new();
        self.collect_markup(&mut html);
        html.trim().to_owned()
    }

    fn collect_markup(&self, out: &mut String) {
        for node in &self.nodes {
            match node {
                Node::Text(text) => push_escaped(out, text),
                Node::Element(element) => {
                    let name = element.name.rsplit(':').next().unwrap_or_default();
                    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
                    if plain {
                        element.push_start(out, name);
                    }
                    element.collect_markup(out);
                    if plain && !is_void(name) {
                        out.push_str("</");
                        out.push_str(name);
                        out.push('>');
                    }
                }
            }
        }
    }

    fn push_start(&self, out: &mut String, name: &str) {
        out.push('<');
        out.push_str(name);
        for (key, value) in &self.attributes {
            let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if plain && key != "xmlns" {
                out.push(' ');
                out.push_str(key);
                out.push_str("=\"");
                push_escaped(out, value);
                out.push('"');
            }
        }
        out.push('>');
    }
}

fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr" | "img" | "wbr" | "area" | "col" | "embed" | "input" | "source")
}

/// Appends `text` so that it stands for itself in HTML.
pub(crate) fn push_escaped(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

/// Reads a document to its end and gives its root.
pub(crate) fn read(text: &str) -> Result<Element, ParseError> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    let mut growing = Growing::default();
    loop {
        let (namespace, event) = match reader.read_resolved_event() {
            Ok((namespace, event)) => (prefix(&namespace), event),
            Err(error) => {
                let position = reader.error_position();
                let reason = error.to_string().chars().take(200).collect();
                return Err(ParseError::Xml { position, reason });
            }
        };
        match event {
            Event::Start(start) => growing.open(element(&start, namespace.as_deref()))?,
            Event::Empty(start) => {
                growing.open(element(&start, namespace.as_deref()))?;
                growing.close();
            }
            Event::End(_) => growing.close(),
            Event::Text(text) => growing.text(&text.xml10_content()),
            Event::CData(text) => growing.text(&text.xml10_content()),
            Event::GeneralRef(reference) => growing.text(&resolved(&reference)),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Eof => return growing.finish(),
        }
    }
}

/// The tree while it is being read.
#[derive(Default)]
struct Growing {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Growing {
    fn open(&mut self, element: Element) -> Result<(), ParseError> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(ParseError::TooMany(MAX_ELEMENTS));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(ParseError::TooDeep(MAX_DEPTH));
        }
        self.open.push(element);
        Ok(())
    }

    fn close(&mut self) {
        let Some(done) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.nodes.push(Node::Element(done)),
            // What follows the root is no part of the document.
            None => {
                self.root.get_or_insert(done);
            }
        }
    }

    fn text(&mut self, more: &str) {
        let Some(parent) = self.open.last_mut() else { return };
        match parent.nodes.last_mut() {
            Some(Node::Text(text)) => text.push_str(more),
            Some(Node::Element(_)) | None => parent.nodes.push(Node::Text(more.to_owned())),
        }
    }

    fn finish(mut self) -> Result<Element, ParseError> {
        if let Some(unfinished) = self.open.pop() {
            return Err(ParseError::BrokenOff(unfinished.name));
        }
        self.root.ok_or(ParseError::Empty)
    }
}

/// The prefix by which this crate calls a namespace; none for elements outside any.
fn prefix(namespace: &ResolveResult<'_>) -> Option<String> {
    match namespace {
        ResolveResult::Unbound => None,
        ResolveResult::Bound(bound) => {
            let known = NAMESPACES.iter().find(|(uri, _)| *uri == bound.0);
            match known {
                Some((_, "")) => None,
                Some((_, prefix)) => Some((*prefix).to_owned()),
                None => Some("other".to_owned()),
            }
        }
        // Many feeds use a prefix that they forgot to declare.
        ResolveResult::Unknown(prefix) => Some(prefix.clone()),
    }
}

fn element(start: &BytesStart<'_>, namespace: Option<&str>) -> Element {
    let local = start.local_name();
    let local = local.as_ref();
    let name = match namespace {
        Some(prefix) => format!("{prefix}:{local}"),
        None => local.to_owned(),
    };
    // Like a browser: an attribute that cannot be read is passed over.
    let mut all = start.attributes();
    let attributes = all.with_checks(false).flatten().take(50).map(|attribute| {
        let value = unescape_with(&attribute.value, predefined)
            .map_or_else(|_| attribute.value.to_string(), std::borrow::Cow::into_owned);
        (attribute.key.0.to_owned(), value)
    });
    Element { name, attributes: attributes.collect(), nodes: Vec::new() }
}

/// What a reference stands for. One that XML does not define stays as it is written: where the
/// text is HTML, as in most feeds, it means there what HTML says, and nowhere what a document
/// type says.
fn resolved(reference: &BytesRef<'_>) -> String {
    match reference.resolve_char_ref() {
        Ok(Some(letter)) => letter.to_string(),
        Err(_) => char::REPLACEMENT_CHARACTER.to_string(),
        Ok(None) => {
            let name: &str = reference;
            predefined(name).map_or_else(|| format!("&{name};"), ToOwned::to_owned)
        }
    }
}

/// The five entities of XML 1.0 §4.6.
fn predefined(name: &str) -> Option<&'static str> {
    match name {
        "lt" => Some("<"),
        "gt" => Some(">"),
        "amp" => Some("&"),
        "quot" => Some("\""),
        "apos" => Some("'"),
        _ => None,
    }
}
