//! How wide a line may be, and text that is laid out to fit. Knows nothing of what the text says.

use std::io;

/// Below so many columns tables are stacked and lines are wrapped; a wider terminal wraps them well
/// enough by itself, and what is copied from it stays one line.
const NARROW: usize = 60;

/// The fewest columns that are reckoned with.
const LEAST: usize = 20;

/// The columns of whoever reads, where they are few: those that `COLUMNS` names, else those of the
/// terminal. None where there is room, or nobody watches.
pub(super) fn narrow() -> Option<usize> {
    let named = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    let columns = named.or_else(|| {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col))
    });
    columns.filter(|columns| (1..NARROW).contains(columns)).map(|columns| columns.max(LEAST))
}

/// `text` with no line longer than `columns`, but for a single word that is. What goes on on another
/// line stands two columns further right.
pub(super) fn wrapped(text: &str, columns: usize) -> String {
    text.lines().map(|line| wrapped_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    let margin = line.len() - line.trim_start().len();
    let hanging = if margin + 2 < columns / 2 { margin + 2 } else { 0 };
    let mut lines = Vec::new();
    let mut current = " ".repeat(if hanging == 0 { 0 } else { margin });
    let mut is_begun = false;
    for word in line.split_whitespace() {
        let needs = current.chars().count() + usize::from(is_begun) + word.chars().count();
        if is_begun && needs > columns {
            lines.push(std::mem::replace(&mut current, " ".repeat(hanging)));
            is_begun = false;
        }
        if !is_begun && current.len() + word.chars().count() > columns {
            current.clear();
        }
        if is_begun {
            current.push(' ');
        }
        current.push_str(word);
        is_begun = true;
    }
    lines.push(current);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_longer_than_the_terminal_but_for_a_single_word() {
        let text = "short\n  a line that is too long for a terminal of thirty columns\n\n\
                    https://updates.example.com/tuf/timestamp.json is one word of its own";
        insta::assert_snapshot!(wrapped(text, 30), @r"
        short
          a line that is too long for
            a terminal of thirty
            columns

        https://updates.example.com/tuf/timestamp.json
          is one word of its own
        ");
    }

    #[test]
    fn words_that_fit_without_their_margin_lose_it() {
        let told = wrapped("    https://example.com/a sentence", 22);
        assert_eq!(told, "https://example.com/a\n      sentence");
    }
}
