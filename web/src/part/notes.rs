//! Release notes: the few forms of Markdown that changelogs use, as safe markup.
//! Links, images and HTML stay text: nothing an author writes can act on the portal.

use maud::{Markup, html};

/// More than this many bytes of notes are cut off.
const MOST: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
enum Block {
    Heading(String),
    Item(String),
    Paragraph(String),
}

/// The notes as headings, lists and paragraphs.
pub(crate) fn notes(text: &str) -> Markup {
    let blocks = blocks(&text[..text.floor_char_boundary(MOST)]);
    html! {
        div class="notes" {
            @for run in blocks.chunk_by(|a, b| matches!((a, b), (Block::Item(_), Block::Item(_)))) {
                @match run {
                    [Block::Heading(text)] => { h4 { (inline(text)) } },
                    [Block::Paragraph(text)] => { p { (inline(text)) } },
                    items => { ul { @for item in items { li { (inline(item.text())) } } } },
                }
            }
        }
    }
}

impl Block {
    fn text(&self) -> &str {
        match self {
            Self::Heading(text) | Self::Item(text) | Self::Paragraph(text) => text,
        }
    }

    fn append(&mut self, line: &str) {
        match self {
            Self::Heading(text) | Self::Item(text) | Self::Paragraph(text) => {
                text.push(' ');
                text.push_str(line);
            }
        }
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for line in text.lines().map(str::trim) {
        let next = if line.is_empty() {
            is_open = false;
            continue;
        } else if line.starts_with('#') {
            Block::Heading(line.trim_start_matches('#').trim().to_owned())
        } else if let Some(item) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
            Block::Item(item.trim().to_owned())
        } else {
            match blocks.last_mut() {
                Some(last) if is_open => {
                    last.append(line);
                    continue;
                }
                _ => Block::Paragraph(line.to_owned()),
            }
        };
        is_open = !matches!(next, Block::Heading(_));
        blocks.push(next);
    }
    blocks
}

/// Text with `code` between backticks.
fn inline(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_items_and_paragraphs_are_told_apart() {
        let shown =
            notes("# 2.0.0\n\nTags are\nbetter.\n\n- one `tag`\n- two\n  lines\n").into_string();
        assert_eq!(
            shown,
            "<div class=\"notes\"><h4>2.0.0</h4><p>Tags are better.</p><ul><li>one <code>tag</code></li>\
             <li>two lines</li></ul></div>"
        );
    }

    #[test]
    fn markup_of_the_author_stays_text() {
        let shown = notes("<script>alert(1)</script>").into_string();
        assert_eq!(
            shown,
            "<div class=\"notes\"><p>&lt;script&gt;alert(1)&lt;/script&gt;</p></div>"
        );
    }
}
