//! Lists of feeds as other readers write and read them (OPML 2.0, <http://opml.org/spec2.opml>).

use crate::parse::{Element, ParseError, push_escaped, read_xml};

/// The most feeds that are taken from one list.
pub(crate) const MAX_OUTLINES: usize = 200;

/// One feed of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Its name, plain; may be empty.
    pub(crate) title: String,
    /// Where it is fetched from, as it stands in the list.
    pub(crate) address: String,
}

/// Reads a list; folders in it are opened, their names left out.
pub(crate) fn read(text: &str) -> Result<Vec<Outline>, ParseError> {
    let root = read_xml(text.trim_start_matches('\u{feff}').trim_start())?;
    if root.name != "opml" {
        return Err(ParseError::Unknown(root.name.chars().take(40).collect()));
    }
    let mut found = Vec::new();
    if let Some(body) = root.child("body") {
        collect(body, &mut found);
    }
    found.truncate(MAX_OUTLINES);
    Ok(found)
}

fn collect(element: &Element, found: &mut Vec<Outline>) {
    for outline in element.elements().filter(|child| child.name == "outline") {
        if let Some(address) = outline.attribute("xmlUrl").or_else(|| outline.attribute("xmlurl")) {
            let title = outline.attribute("title").or_else(|| outline.attribute("text"));
            let title = title.unwrap_or_default().chars().take(200).collect();
            found.push(Outline { title, address: address.to_owned() });
        }
        collect(outline, found);
    }
}

/// Writes a list.
pub(crate) fn write(feeds: &[Outline]) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<opml version=\"2.0\">\n\
         <head><title>Feeds</title></head>\n<body>\n",
    );
    for feed in feeds {
        let name = if feed.title.is_empty() { &feed.address } else { &feed.title };
        xml.push_str("<outline type=\"rss\" text=\"");
        push_attribute(&mut xml, name);
        xml.push_str("\" xmlUrl=\"");
        push_attribute(&mut xml, &feed.address);
        xml.push_str("\"/>\n");
    }
    xml.push_str("</body>\n</opml>\n");
    xml
}

/// Text without the control characters that no XML document may hold (XML 1.0 §2.2).
fn push_attribute(out: &mut String, text: &str) {
    let allowed: String = text.chars().filter(|c| !c.is_control()).collect();
    push_escaped(out, &allowed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_the_same() {
        let feeds = vec![
            Outline {
                title: "A & <B> \"c\"".to_owned(),
                address: "https://example.com/?a=1&b=2".to_owned(),
            },
            Outline {
                title: "Ünïcode".to_owned(), address: "https://example.org/feed".to_owned()
            },
        ];
        assert_eq!(read(&write(&feeds)).unwrap(), feeds);
    }

    #[test]
    fn folders_are_opened_and_what_is_no_feed_is_passed_over() {
        let list = r#"<opml version="1.0"><body><outline text="News">
            <outline text="One" xmlUrl="https://example.com/1"/><outline text="no address"/></outline>
            <outline title="Two" text="x" xmlUrl="https://example.com/2"/></body></opml>"#;
        let found = read(list).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].title.as_str(), found[1].title.as_str()), ("One", "Two"));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert!(read("<rss/>").is_err());
        assert!(read("hello").is_err());
        assert!(read("<opml><body><outline>").is_err());
    }

    #[test]
    fn a_list_as_long_as_one_likes_is_cut() {
        let many = "<outline xmlUrl='https://example.com/'/>".repeat(1000);
        assert_eq!(read(&format!("<opml><body>{many}</body></opml>")).unwrap().len(), MAX_OUTLINES);
    }
}
