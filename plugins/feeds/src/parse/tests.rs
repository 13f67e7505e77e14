//! Documents as they are met in the wild, and such as nobody should meet.

use url::Url;

use super::{
    Document, MAX_DOCUMENT, ParseError, date::instant, document, document::MAX_ENTRIES, link::guid,
};

fn read(text: &str) -> Document {
    try_read(text).unwrap()
}

fn try_read(text: &str) -> Result<Document, ParseError> {
    document(text.as_bytes(), None, &Url::parse("https://example.com/blog/feed.xml").unwrap())
}

const RSS: &str = r#"<?xml version="1.0"?>
<!-- a comment --><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>A &amp; B</title><link>https://example.com/</link>
<atom:link href="https://example.com/feed.xml" rel="self"/><image><title>Logo</title></image>
<item><title><![CDATA[One <b>bold</b>]]></title><link>/one</link><guid isPermaLink="false">1</guid>
 <pubDate>Sat, 21 Nov 2026 10:00:00 GMT</pubDate><dc:creator>Ann</dc:creator>
 <description>short</description><content:encoded><![CDATA[<p>long</p>]]></content:encoded></item>
<item><guid>https://example.com/two</guid><description>&lt;p&gt;two&lt;/p&gt;</description></item>
<item><title>Three</title><description>no guid, no link &nbsp; &euro;</description></item>
</channel></rss>"#;

#[test]
fn rss_2_is_read() {
    let feed = read(RSS);
    assert_eq!(
        (feed.title.as_str(), feed.site.as_deref()),
        ("A & B", Some("https://example.com/"))
    );
    let [one, two, three] = &feed.entries[..] else { panic!("{feed:?}") };
    assert_eq!((one.guid.as_str(), one.title.as_str()), ("1", "One <b>bold</b>"));
    assert_eq!(one.link.as_deref(), Some("https://example.com/one"));
    assert_eq!((one.html.as_str(), one.author.as_str()), ("<p>long</p>", "Ann"));
    assert_eq!(one.published, instant("2026-11-21T10:00:00Z"));
    assert_eq!(two.link.as_deref(), Some("https://example.com/two"));
    assert_eq!(two.html, "<p>two</p>");
    assert!(three.guid.starts_with("words-"));
    // Entities of HTML are left to the reader of HTML.
    assert_eq!(three.html, "no guid, no link &nbsp; &euro;");
}

#[test]
fn rss_1_is_read() {
    let feed = read(
        r#"<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
        xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
        <channel rdf:about="https://example.com/"><title>Old</title><link>https://example.com/</link></channel>
        <item rdf:about="https://example.com/1"><title>One</title><link>https://example.com/1</link>
        <dc:date>2026-11-21T11:00:00+01:00</dc:date></item></rdf:RDF>"#,
    );
    assert_eq!((feed.title.as_str(), feed.entries.len()), ("Old", 1));
    assert_eq!(feed.entries[0].guid, "https://example.com/1");
    assert_eq!(feed.entries[0].published, instant("2026-11-21T10:00:00Z"));
}

#[test]
fn atom_is_read_with_its_bases_and_its_three_kinds_of_text() {
    let feed = read(
        r#"<a:feed xmlns:a="http://www.w3.org/2005/Atom" xml:base="https://example.org/x/">
        <a:title type="text">1 &lt; 2</a:title><a:link rel="self" href="f"/><a:link href="/home"/>
        <a:author><a:name>Ann &amp; Bob</a:name></a:author>
        <a:entry xml:base="y/"><a:id>urn:1</a:id><a:title type="html">&lt;i&gt;One&lt;/i&gt;</a:title>
         <a:link rel="alternate" type="application/json" href="j"/><a:link type="text/html" href="one"/>
         <a:updated>2026-11-21T10:00:00Z</a:updated><a:published>2026-11-20T10:00:00Z</a:published>
         <a:content type="xhtml" xml:base="z/"><div xmlns="http://www.w3.org/1999/xhtml"
          onclick="x()"><p>a<br/>&lt;b</p></div></a:content></a:entry>
        <a:entry><a:id>urn:2</a:id><a:title>Plain &lt;b&gt;</a:title><a:summary>s &lt; t</a:summary>
         <a:content src="https://example.com/video" type="video/mp4"/></a:entry></a:feed>"#,
    );
    assert_eq!(feed.title, "1 &lt; 2");
    assert_eq!(feed.site.as_deref(), Some("https://example.org/home"));
    let [one, two] = &feed.entries[..] else { panic!("{feed:?}") };
    assert_eq!((one.guid.as_str(), one.title.as_str()), ("urn:1", "<i>One</i>"));
    assert_eq!(one.link.as_deref(), Some("https://example.org/x/y/one"));
    assert_eq!(one.html, r#"<div onclick="x()"><p>a<br>&lt;b</p></div>"#);
    assert_eq!(one.base.as_ref().unwrap().as_str(), "https://example.org/x/y/z/");
    assert_eq!(
        (one.author.as_str(), one.published),
        ("Ann &amp; Bob", instant("2026-11-20T10:00:00Z"))
    );
    assert_eq!((two.title.as_str(), two.html.as_str()), ("Plain &lt;b&gt;", "s &lt; t"));
}

#[test]
fn json_feed_is_read() {
    let feed = read(
        r#"{"version":"https://jsonfeed.org/version/1.1","title":"J <s>","home_page_url":"https://example.com/",
        "authors":[{"name":"Ann"}],"items":[{"id":7,"url":"/seven","content_text":"a\n\nb <c>",
        "date_published":"2026-11-21T10:00:00Z"},{"id":"x","content_html":"<p>y</p>","title":"T"}]}"#,
    );
    assert_eq!(feed.title, "J &lt;s&gt;");
    let [seven, x] = &feed.entries[..] else { panic!("{feed:?}") };
    assert_eq!((seven.guid.as_str(), seven.html.as_str()), ("7", "a<p>b &lt;c&gt;"));
    assert_eq!(seven.link.as_deref(), Some("https://example.com/seven"));
    assert_eq!((x.html.as_str(), x.author.as_str()), ("<p>y</p>", "Ann"));
    assert!(matches!(try_read(r#"{"a":1}"#), Err(ParseError::Json(_))));
    assert!(matches!(try_read("{"), Err(ParseError::Json(_))));
}

#[test]
fn western_letters_are_read() {
    let address = Url::parse("https://example.com/").unwrap();
    let mut bytes = b"<?xml version='1.0' encoding='ISO-8859-1'?><rss><channel><title>".to_vec();
    bytes.extend(b"caf\xe9 \x80</title></channel></rss>");
    assert_eq!(document(&bytes, None, &address).unwrap().title, "café €");
}

#[test]
fn links_to_anything_but_the_web_are_dropped() {
    for link in
        ["javascript:alert(1)", "data:text/html,x", "file:///x", "mailto:a@example.com", " "]
    {
        let feed = read(&format!(
            "<rss><channel><link>{link}</link><item><link>{link}</link><guid>1</guid></item></channel></rss>"
        ));
        assert_eq!((feed.site, &feed.entries[0].link), (None, &None), "{link}");
    }
}

#[test]
fn a_prefix_that_was_not_declared_is_understood() {
    let feed =
        read("<rss><channel><item><content:encoded>x</content:encoded></item></channel></rss>");
    assert_eq!(feed.entries[0].html, "x");
}

#[test]
fn a_stranger_namespace_is_not_mistaken_for_the_feeds_own() {
    let feed = read(
        r#"<rss xmlns:m="http://search.yahoo.com/mrss/"><channel><title>A</title><item>
        <m:title>wrong</m:title><title>right</title><guid>1</guid></item></channel></rss>"#,
    );
    assert_eq!(feed.entries[0].title, "right");
}

#[test]
fn declared_entities_are_never_expanded() {
    let laughs = r#"<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
        <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
        <rss><channel><title>&d;</title></channel></rss>"#;
    assert_eq!(read(laughs).title, "&d;");
    let cyclic = r#"<!DOCTYPE rss [<!ENTITY a "&b;"><!ENTITY b "&a;">]>
        <rss a="&a;"><channel><title>&a;</title></channel></rss>"#;
    assert_eq!(read(cyclic).title, "&a;");
    let outside = r#"<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY % p SYSTEM "http://127.0.0.1/">%p;]>
        <rss><channel><title>&f;</title></channel></rss>"#;
    assert_eq!(read(outside).title, "&f;");
}

#[test]
fn depth_number_and_size_have_an_end() {
    let deep = format!("<rss>{}", "<a>".repeat(100_000));
    assert_eq!(try_read(&deep), Err(ParseError::TooDeep(100)));
    let many = format!("<rss>{}</rss>", "<a/>".repeat(100_000));
    assert_eq!(try_read(&many), Err(ParseError::TooMany(50_000)));
    let huge = " ".repeat(MAX_DOCUMENT + 1);
    assert!(matches!(try_read(&huge), Err(ParseError::TooLarge { .. })));
    let items = "<item><guid>x</guid></item>".repeat(1000);
    assert_eq!(read(&format!("<rss><channel>{items}</channel></rss>")).entries.len(), MAX_ENTRIES);
    let attributes = (0..10_000).map(|n| format!(" a{n}='x'")).collect::<Vec<_>>().concat();
    assert_eq!(read(&format!("<rss{attributes}><channel/></rss>")).entries.len(), 0);
    let name = "x".repeat(100_000);
    assert_eq!(try_read(&format!("<{name}/>")), Err(ParseError::Unknown("x".repeat(40))));
}

#[test]
fn what_is_no_feed_says_what_it_is() {
    assert_eq!(try_read(""), Err(ParseError::Empty));
    assert_eq!(try_read(" \n "), Err(ParseError::Empty));
    assert_eq!(try_read("<!DOCTYPE html><html><p>x"), Err(ParseError::Page));
    assert_eq!(try_read("<HTML><body>"), Err(ParseError::Page));
    assert_eq!(try_read("<svg/>"), Err(ParseError::Unknown("svg".to_owned())));
    assert!(matches!(try_read("<rss><channel></rss>"), Err(ParseError::Xml { .. })));
    assert_eq!(try_read("<rss><channel>"), Err(ParseError::BrokenOff("channel".to_owned())));
    assert!(try_read("hello").is_err());
}

#[test]
fn no_prefix_or_change_of_a_feed_makes_the_reader_panic() {
    let address = Url::parse("https://example.com/").unwrap();
    let bytes = RSS.as_bytes();
    for end in 0..bytes.len() {
        let _read = document(&bytes[..end], None, &address);
    }
    for at in 0..bytes.len() {
        for changed in [0, b'<', b'&', b'>', b'"', 0xff] {
            let mut copy = bytes.to_vec();
            copy[at] = changed;
            let _read = document(&copy, None, &address);
        }
    }
}

#[test]
fn a_very_long_guid_is_kept_short_and_still_tells_entries_apart() {
    let (a, b) = (guid(&"x".repeat(5000)), guid(&format!("{}y", "x".repeat(4999))));
    assert!(a.len() < 500 && a != b);
}
