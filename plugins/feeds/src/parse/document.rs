//! A feed as it was served, whatever its format.

use url::Url;

use super::{
    atom, encoding, json,
    link::{guid, sum},
    rss, tree,
};

/// The largest document that is read, in bytes.
pub(crate) const MAX_DOCUMENT: usize = 4 * 1024 * 1024;

/// The most entries that are taken from one document; feeds list the newest first.
pub(super) const MAX_ENTRIES: usize = 200;

/// A feed as it was served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Document {
    /// Its name, as HTML.
    pub(crate) title: String,
    /// The site it belongs to.
    pub(crate) site: Option<String>,
    /// What it lists, in its own order.
    pub(crate) entries: Vec<Entry>,
}

/// One entry of a feed. Nothing in it is safe to show yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What tells it from the feed's other entries, now and in later documents.
    pub(crate) guid: String,
    /// Its heading, as HTML.
    pub(crate) title: String,
    /// Where it can be read, absolute.
    pub(crate) link: Option<String>,
    /// Who wrote it, as HTML.
    pub(crate) author: String,
    /// When it was published, in seconds since 1970.
    pub(crate) published: Option<i64>,
    /// Its text, as HTML from a stranger.
    pub(crate) html: String,
    /// What relative links in the text begin from.
    pub(crate) base: Option<Url>,
}

/// Why a document is not a feed that can be read. Completes "failed to read the feed: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParseError {
    /// Longer than [`MAX_DOCUMENT`].
    #[error("it has {length} bytes, more than the {MAX_DOCUMENT} that are read")]
    TooLarge {
        /// What it has.
        length: usize,
    },
    /// Nothing but space.
    #[error("it is empty")]
    Empty,
    /// Its letters cannot be told.
    #[error("its encoding {0:?} is not known here")]
    Encoding(String),
    /// Not well-formed.
    #[error("it is not well-formed XML near byte {position}: {reason}")]
    Xml {
        /// Where, counted from 0.
        position: u64,
        /// What is wrong there.
        reason: String,
    },
    /// It stops in the middle.
    #[error("it breaks off inside the element {0}")]
    BrokenOff(String),
    /// Nested deeper than any feed.
    #[error("its elements are nested more than {0} deep")]
    TooDeep(usize),
    /// More elements than any feed has.
    #[error("it has more than {0} elements")]
    TooMany(usize),
    /// JSON, but no feed.
    #[error("it is not a JSON Feed: {0}")]
    Json(String),
    /// A web page.
    #[error("it is a web page, not a feed; look there for a link called RSS or Atom")]
    Page,
    /// XML of another kind.
    #[error("it is XML that begins with <{0}>, which is no feed")]
    Unknown(String),
}

/// Reads the document that was served at `address` with this content type.
pub(crate) fn document(
    bytes: &[u8],
    content_type: Option<&str>,
    address: &Url,
) -> Result<Document, ParseError> {
    if bytes.len() > MAX_DOCUMENT {
        return Err(ParseError::TooLarge { length: bytes.len() });
    }
    let text = encoding::decode(bytes, content_type)?;
    let text = text.trim_start();
    if text.is_empty() {
        return Err(ParseError::Empty);
    }
    let mut found =
        if text.starts_with('{') { json::read(text, address)? } else { xml(text, address)? };
    found.entries.truncate(MAX_ENTRIES);
    Ok(found)
}

fn xml(text: &str, address: &Url) -> Result<Document, ParseError> {
    if is_page(text) {
        return Err(ParseError::Page);
    }
    let root = tree::read(text)?;
    match root.name.as_str() {
        "rss" => Ok(rss::read_2(&root, address)),
        "rdf:RDF" => Ok(rss::read_1(&root, address)),
        "atom:feed" => Ok(atom::read(&root, address)),
        "html" | "xhtml:html" => Err(ParseError::Page),
        other => Err(ParseError::Unknown(other.chars().take(40).collect())),
    }
}

/// Whether this is HTML, which is seldom well-formed XML and so is told apart first.
fn is_page(text: &str) -> bool {
    let start: String = text.chars().take(200).collect::<String>().to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

impl Entry {
    /// Gives an entry without a guid one made of its link, or of its words where it has none.
    pub(super) fn identified(mut self) -> Self {
        if self.guid.is_empty() {
            self.guid = match &self.link {
                Some(link) => guid(link),
                None => format!("words-{:016x}", sum(&format!("{}\n{}", self.title, self.html))),
            };
        }
        self
    }
}
