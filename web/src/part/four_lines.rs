//! A failure in four lines: state now · what failed · what was done · what to do.

use maud::{Markup, html};
use newleaf_update::FourLines;

use super::command::command;
use super::icon::{Icon, icon};
use super::words::sentence;

/// The lines as a list of terms; a command in the advice becomes one to paste.
pub(crate) fn four_lines(lines: &FourLines) -> Markup {
    let (advice, pasted) = split_command(&lines.todo);
    html! {
        section class="card failure" aria-labelledby="failure-title" {
            h2 id="failure-title" { (icon(Icon::Warning)) "What happened" }
            dl class="lines" {
                dt { "State now" } dd { (sentence(&lines.state)) }
                dt { "What failed" } dd { (sentence(&lines.failed)) }
                dt { "What was done" } dd { (sentence(&lines.done)) }
                dt { "What to do" }
                dd {
                    @match pasted {
                        None => { (sentence(advice)) },
                        Some(pasted) if advice.is_empty() => { (command(pasted)) },
                        Some(pasted) => { (sentence(&format!("{advice}:"))) (command(pasted)) },
                    }
                }
            }
        }
    }
}

/// Programs whose name begins a command.
const PROGRAMS: [&str; 2] = ["newleaf ", "sudo "];

/// Advice and its command: all of it, in backticks, or what follows the last `: `.
fn split_command(advice: &str) -> (&str, Option<&str>) {
    let is_command = |text: &str| PROGRAMS.iter().any(|program| text.starts_with(program));
    if let Some((before, rest)) = advice.split_once('`')
        && let Some((command, "" | ".")) = rest.split_once('`')
    {
        return (before.trim_end_matches([' ', ':']), Some(command));
    }
    match advice.rsplit_once(": ") {
        Some((before, after)) if is_command(after) => (before, Some(after)),
        Some(_) | None if advice.starts_with("sudo ") => ("", Some(advice)),
        Some(_) | None => (advice, None),
    }
}

#[cfg(test)]
mod tests {
    use super::split_command;

    #[test]
    fn a_command_is_taken_out_of_the_advice() {
        assert_eq!(split_command("look: `newleaf history`"), ("look", Some("newleaf history")));
        assert_eq!(split_command("look: newleaf history"), ("look", Some("newleaf history")));
        assert_eq!(split_command("sudo chown -R a: /b"), ("", Some("sudo chown -R a: /b")));
    }

    #[test]
    fn advice_without_a_command_stays_whole() {
        for advice in ["try again", "one thing: mend it", "newleaf status lists what there is"] {
            assert_eq!(split_command(advice), (advice, None));
        }
    }
}
