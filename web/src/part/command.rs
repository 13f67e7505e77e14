//! A command ready to paste.

use maud::{Markup, html};

/// The command; `live.js` adds a button that copies it.
pub(crate) fn command(text: &str) -> Markup {
    html! { div class="command" { code { (text) } } }
}
