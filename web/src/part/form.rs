//! Forms: each one posts, carries the session's token and works without a script.

use maud::{Markup, html};
use newleaf_domain::{Target, Version};
use newleaf_update::Skip;

use crate::gate::{FORM_TOKEN, SignedIn};

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// The one thing to do here.
    Primary,
    /// Also possible.
    Quiet,
}

impl Look {
    /// The class that the stylesheet knows.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button primary",
            Self::Quiet => "button quiet",
        }
    }
}

/// The hidden field that binds a form to its session.
pub(crate) fn token(reader: &SignedIn) -> Markup {
    html! { input type="hidden" name=(FORM_TOKEN) value=(reader.form_token()); }
}

/// A form of one button.
pub(crate) fn button(reader: &SignedIn, action: &str, look: Look, label: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            (token(reader))
            button type="submit" class=(look.class()) { (label) }
        }
    }
}

/// Refuses a version, or lets it be offered again.
pub(crate) fn skip_button(
    reader: &SignedIn,
    target: &Target,
    version: &Version,
    skip: Skip,
) -> Markup {
    let (word, label, spoken) = match skip {
        Skip::Refuse => ("refuse", "Refuse this version", format!("Refuse version {version}")),
        Skip::Offer => ("offer", "Offer it again", format!("Offer version {version} again")),
    };
    html! {
        form method="post" action="/skip" {
            (token(reader))
            input type="hidden" name="target" value=(target);
            input type="hidden" name="version" value=(version);
            input type="hidden" name="skip" value=(word);
            button type="submit" class=(Look::Quiet.class()) aria-label=(spoken) { (label) }
        }
    }
}

/// Asks for the plan that brings `target` to `version`, or to the newest possible.
pub(crate) fn plan_button(
    reader: &SignedIn,
    target: &Target,
    version: Option<&Version>,
    look: Look,
    label: &str,
    spoken: &str,
) -> Markup {
    html! {
        form method="post" action="/plans" {
            (token(reader))
            input type="hidden" name="target" value=(target);
            @if let Some(version) = version { input type="hidden" name="version" value=(version); }
            button type="submit" class=(look.class()) aria-label=(spoken) { (label) }
        }
    }
}
