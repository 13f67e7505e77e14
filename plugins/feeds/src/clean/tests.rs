//! Every way to run a script or load a thing that we know of, and what is left of it.

use url::Url;

use super::{clean, line, safe::ELEMENTS};

/// Attacks, mostly after the OWASP cheat sheet on XSS filter evasion and the known mutations of
/// parsers that disagree.
const ATTACKS: &[&str] = &[
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//example.com/x.js></SCRIPT>",
    "<script/x>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<SCRIPT>alert(1);//<</SCRIPT>",
    "<script\u{0}>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)//",
    "<IMG \"\"\"><SCRIPT>alert(1)</SCRIPT>\">",
    "<img src=`javascript:alert(1)`>",
    "<img src=x:alert(alt) onerror=eval(src) alt=0>",
    "<img alt=\"--><script>alert(1)</script>\">",
    "<img alt='\"><script>alert(1)</script>'>",
    "<img alt=\"&quot; onload=&quot;alert(1)\">",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=\"JaVaScRiPt:alert(1)\">x</a>",
    "<a href=\" javascript:alert(1)\">x</a>",
    "<a href=\"java\tscript:alert(1)\">x</a>",
    "<a href=\"java&#10;script:alert(1)\">x</a>",
    "<a href=\"&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A&#x61\">x</a>",
    "<a href=\"\u{1}javascript:alert(1)\">x</a>",
    "<a href=\"javascript&colon;alert(1)\">x</a>",
    "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
    "<a href=\"data:text/html;base64,PHNjcmlwdD4=\">x</a>",
    "<a href=\"vbscript:msgbox(1)\">x</a>",
    "<a href=\"blob:https://example.com/1\">x</a>",
    "<a href=\"file:///etc/passwd\">x</a>",
    "<a href=\"view-source:x\">x</a>",
    "<a href=x onclick=alert(1) onmouseover=alert(1) style=x:expression(alert(1))>x</a>",
    "<a href=\"https://example.com\" target=_top rel=opener ping=https://example.com>x</a>",
    "<a xlink:href=\"javascript:alert(1)\">x</a>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=\"javascript:alert(1)\"><text>x</text></a></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg></p><style><a id=\"</style><img src=1 onerror=alert(1)>\">",
    "<svg><foreignObject><iframe srcdoc=\"<script>alert(1)</script>\"></foreignObject></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table>",
    "<math><mi//xlink:href=\"data:x,<script>alert(4)</script>\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><annotation-xml encoding=\"text/html\"><style><img src=x onerror=alert(1)></style>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<title><img title=\"</title><script>alert(1)</script>\">",
    "<textarea><img title=\"</textarea><script>alert(1)</script>\">",
    "<xmp><p title=\"</xmp><script>alert(1)</script>\">",
    "<noembed><img title=\"</noembed><img src onerror=alert(1)>\"></noembed>",
    "<listing>&lt;img src=1 onerror=alert(1)&gt;</listing>",
    "<plaintext><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<!-- --!><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version=\"1.0\"?><script>alert(1)</script>",
    "<!DOCTYPE x [<!ENTITY y \"<script>alert(1)</script>\">]>&y;",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc=\"&lt;script&gt;alert(1)&lt;/script&gt;\"></iframe>",
    "<frameset onload=alert(1)><frame src=javascript:alert(1)></frameset>",
    "<object data=\"javascript:alert(1)\"></object>",
    "<embed src=\"javascript:alert(1)\">",
    "<applet code=x></applet>",
    "<base href=\"https://example.com/\">",
    "<link rel=stylesheet href=\"https://example.com/x.css\">",
    "<style>@import 'https://example.com/x.css';</style>",
    "<style><!--</style><script>alert(1)//--></script>",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<div style=\"background:url(javascript:alert(1))\">x</div>",
    "<div style=\"position:fixed;inset:0\">x</div>",
    "<p style=\"behavior:url(x.htc)\" class=main id=main>x</p>",
    "<form action=\"https://example.com\"><input name=q><button formaction=x>go</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<select onfocus=alert(1) autofocus><option>x</select>",
    "<keygen autofocus onfocus=alert(1)>",
    "<video poster=javascript:alert(1)><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<html onmouseover=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<details open ontoggle=alert(1)>x</details>",
    "<table background=\"javascript:alert(1)\"><td background=x>x</td></table>",
    "<isindex action=javascript:alert(1) type=image>",
    "<bgsound src=javascript:alert(1)>",
    "<layer src=x></layer>",
    "<q cite=\"javascript:alert(1)\">x</q>",
    "<del cite=\"javascript:alert(1)\">x</del>",
    "<p title='\"><script>alert(1)</script>'>x</p>",
    "<p title=\"x\" onclick\u{b}=alert(1)>x</p>",
    "<p/onclick=alert(1)>x</p>",
    "<p\u{c}onclick=alert(1)>x</p>",
    "<a href='https://example.com/\" onmouseover=\"alert(1)'>x</a>",
    "<time datetime='\" onclick=\"alert(1)'>x</time>",
    "<custom-element onclick=alert(1)>x</custom-element>",
    "<slot name=x></slot><portal src=x></portal><dialog open>x</dialog>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\u{feff}<script>alert(1)</script>",
    "<a\u{0}href=\"javascript:alert(1)\">x</a>",
    "</article></main><h1>Sign in</h1>",
    "</p></div></body></html><script>alert(1)</script>",
];

#[test]
fn no_attack_leaves_anything_but_listed_elements_and_attributes() {
    let base = Url::parse("https://example.com/blog/").unwrap();
    for attack in ATTACKS {
        for base in [None, Some(&base)] {
            assert_safe(attack, &clean(attack, base));
            // Once more in the middle of honest text, and through what is shown as one line.
            let inside = format!("<p>a<b>{attack}</b></p><ul><li>{attack}");
            assert_safe(attack, &clean(&inside, base));
        }
        // What is stored and cleaned again stays as it is: nothing mutates.
        let once = clean(attack, Some(&base));
        let again = clean(&once, Some(&base)).replace("&quot;", "\"");
        let once = once.replace(" class=\"picture\"", "").replace("&quot;", "\"");
        assert_eq!(again, once, "{attack}");
    }
}

/// Reads `safe` as strictly as it was written, and fails at what is not on the lists.
fn assert_safe(attack: &str, safe: &str) {
    let why = |what: &str| format!("{what} in {safe:?}, made of {attack:?}");
    let mut rest = safe;
    while let Some(at) = rest.find('<') {
        let end = rest[at..].find('>').unwrap_or_else(|| panic!("{}", why("an open tag")));
        let tag = &rest[at + 1..at + end];
        rest = &rest[at + end + 1..];
        let name = tag.trim_start_matches('/').split(' ').next().unwrap();
        assert!(ELEMENTS.contains(&name) && name != "img", "{}", why(name));
        let mut attributes = tag[name.len()..].trim();
        if tag.starts_with('/') {
            continue;
        }
        while let Some((key, after)) = attributes.split_once("=\"") {
            let (value, after) = after.split_once('"').unwrap();
            let key = key.trim();
            match key {
                "href" => assert!(
                    ["http://", "https://", "mailto:"].iter().any(|s| value.starts_with(s)),
                    "{}",
                    why(value)
                ),
                "class" => assert_eq!(value, "picture", "{}", why("a class")),
                "rel" => assert_eq!(value, "noopener noreferrer nofollow"),
                "title" | "lang" | "datetime" | "start" | "colspan" | "rowspan" => {}
                other => panic!("{}", why(other)),
            }
            attributes = after;
        }
        assert!(attributes.trim().is_empty(), "{}", why(attributes));
    }
}

#[test]
fn honest_text_keeps_its_form() {
    let html = "<h2>A</h2><p>b <em>c</em> <code>d &lt; e</code></p><ul><li>f</li></ul>";
    assert_eq!(clean(html, None), html);
}

#[test]
fn links_are_made_absolute_and_pictures_become_words() {
    let base = Url::parse("https://example.com/blog/post").unwrap();
    let safe =
        clean("<a href=\"../x?a=1&b=2#c\">x</a><img src=\"y.png\" alt=\"A \"cat\"\">", Some(&base));
    assert!(safe.contains("href=\"https://example.com/x?a=1&amp;b=2#c\""), "{safe}");
    assert!(safe.contains("<span class=\"picture\">A</span>"), "{safe}");
    assert!(clean("<img src=//example.com/pixel.gif>", Some(&base)).contains(">a picture<"));
    assert!(!clean("<a href=/x>x</a>", None).contains("href"));
}

#[test]
fn a_line_is_plain_short_and_cannot_turn_the_page_around() {
    assert_eq!(line("<b>AT&amp;T</b> &lt;3\n\n you<br>and me", 80), "AT&T <3 you and me");
    assert_eq!(line("abcdefgh", 5), "abcd…");
    assert_eq!(line("a\u{202e}b\u{2066}c\u{7}d", 80), "abcd");
    assert_eq!(line("<script>x</script>", 80), "");
}

#[test]
fn a_pictures_description_stands_apart_from_the_words_beside_it() {
    assert_eq!(line("a<img alt=\"A cat\">sleeps", 80), "a A cat sleeps");
    assert_eq!(
        line("<p><img alt=\"A &lt;b> cat\"><em>It</em> sleeps<img>.", 80),
        "A <b> cat It sleeps a picture ."
    );
    assert_eq!(line("a<span>b</span>c", 80), "abc");
}

#[test]
fn a_huge_text_is_cut_to_plain_words() {
    let deep = "<div>".repeat(100_000);
    assert!(clean(&deep, None).len() < 100);
    let long = format!("<p>{}</p>", "word ".repeat(200_000));
    let safe = clean(&long, None);
    assert!(safe.starts_with("<p>word word") && safe.len() < 30_000);
    let many = format!("{}<script>alert(1)</script>", "<i>x</i>".repeat(10_000));
    assert_safe("many tags", &clean(&many, None));
}
