//! Results as a table with a bar in each row: the figures are the chart's text, for those who do
//! not see bars.

use std::fmt::Write as _;

use newleaf_sdk::escape;

use crate::{draft::Kind, poll::Poll, vote::Tally};

/// Appends the results of a poll; `own` are the choices of who looks.
pub(crate) fn chart(out: &mut String, poll: &Poll, tally: &Tally, own: &[i64]) {
    let most = tally.votes.iter().copied().max().unwrap_or(0);
    // Writing to a String never fails.
    out.push_str(r#"<table class="chart"><caption>"#);
    let _ = match (tally.voters, poll.kind) {
        (0, _) => write!(out, "Nobody has voted yet."),
        (1, _) => write!(out, "One vote."),
        (voters, Kind::Single) => write!(out, "{voters} votes."),
        (voters, Kind::Multiple) => {
            write!(out, "{voters} people voted; each could choose several.")
        }
    };
    out.push_str(r#"</caption><thead class="unseen"><tr><th scope="col">Choice</th><th scope="col">Bar</th><th scope="col">Votes</th></tr></thead><tbody>"#);
    for (choice, votes) in poll.choices.iter().zip(&tally.votes) {
        let class = if *votes == most && most > 0 { r#" class="lead""# } else { "" };
        let mine =
            if own.contains(&choice.id) { r#" <small class="mine">your vote</small>"# } else { "" };
        let shown = percent(*votes, tally.voters);
        let _ = write!(
            out,
            r#"<tr{class}><th scope="row">{}{mine}</th><td class="bar-cell">{}</td><td class="figure">{votes} <small>{shown}</small></td></tr>"#,
            escape(&choice.text),
            bar(*votes, tally.voters),
        );
    }
    out.push_str("</tbody></table>");
}

/// One bar as SVG. Its width is a share of the row, so that it fits every screen.
fn bar(votes: i64, voters: i64) -> String {
    let tenths = share(votes, voters);
    let (whole, part) = (tenths / 10, tenths % 10);
    format!(
        r#"<svg width="100%" height="14" aria-hidden="true" focusable="false"><rect class="track" width="100%" height="14" rx="7"/><rect class="fill" width="{whole}.{part}%" height="14" rx="7"/></svg>"#
    )
}

/// The share of voters in words: `33.3 %`, `0 %`, `100 %`.
pub(crate) fn percent(votes: i64, voters: i64) -> String {
    let tenths = share(votes, voters);
    match tenths % 10 {
        0 => format!("{} %", tenths / 10),
        part => format!("{}.{part} %", tenths / 10),
    }
}

/// The share of voters in tenths of a percent, rounded; but nothing that is not all looks like
/// all, and nothing that is something looks like nothing.
fn share(votes: i64, voters: i64) -> i64 {
    if voters <= 0 || votes <= 0 {
        return 0;
    }
    let rounded = (votes.saturating_mul(1000) + voters / 2) / voters;
    if votes >= voters { 1000 } else { rounded.clamp(1, 999) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poll::Choice;

    #[test]
    fn shares_are_rounded_and_never_lie_at_the_ends() {
        assert_eq!(percent(0, 0), "0 %");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(2, 3), "66.7 %");
        assert_eq!(percent(3, 3), "100 %");
        assert_eq!(percent(1, 100_000), "0.1 %");
        assert_eq!(percent(99_999, 100_000), "99.9 %");
        assert_eq!(percent(i64::MAX, 1), "100 %");
    }

    #[test]
    fn a_chart_says_in_figures_what_its_bars_show() {
        let choice = |id, text: &str| Choice { id, text: text.to_owned() };
        let choices = vec![choice(1, "<b>Yes</b>"), choice(2, "No")];
        let poll = Poll { choices, ..Poll::default() };
        let mut html = String::new();
        chart(&mut html, &poll, &Tally { voters: 4, votes: vec![3, 1] }, &[2]);
        assert!(html.contains("4 votes.") && html.contains("&lt;b&gt;Yes"), "{html}");
        assert!(html.contains(r#"<td class="figure">3 <small>75 %</small>"#), "{html}");
        assert!(html.contains(r#"class="fill" width="75.0%""#), "{html}");
        assert!(html.contains("No <small class=\"mine\">your vote"), "{html}");
        assert_eq!(html.matches("class=\"lead\"").count(), 1);
    }
}
