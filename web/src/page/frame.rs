//! The frame around every page: head, navigation, the place for content.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};
use newleaf_domain::{PackageName, Target, Timestamp};

use crate::asset;
use crate::gate::SignedIn;
use crate::part::form::{Look, button};
use crate::part::icon::{Icon, icon};
use crate::part::names::Names;
use crate::product::ProductFace;

/// A whole document.
pub(crate) type Page = Html<String>;

/// What every page needs to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// The product.
    pub(crate) product: &'a ProductFace,
    /// Who reads; nobody on the pages before signing in.
    pub(crate) reader: Option<&'a SignedIn>,
    /// The time that "ago" counts from.
    pub(crate) now: Timestamp,
    /// What apps are called.
    pub(crate) names: &'a Names,
}

/// Where in the navigation a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The overview and what hangs on it.
    Overview,
    /// The history.
    History,
    /// The prerequisites of this machine.
    Preflight,
    /// Outside of it.
    Elsewhere,
}

/// Whether a browser loads the page again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// It stays as it is.
    Never,
    /// Every two seconds, while something runs.
    WhileRunning,
    /// Every two seconds, with scripts as well: nothing else tells the page when it is over.
    Always,
}

impl<'a> Frame<'a> {
    /// The same frame, of pages that call apps by these names.
    pub(crate) const fn calling(self, names: &'a Names) -> Self {
        Self { names, ..self }
    }

    /// Core goes by the product's name, an app by its own where that is known.
    pub(crate) fn name_of<'b>(&'b self, target: &'b Target) -> &'b str {
        match target {
            Target::Core => &self.product.name,
            Target::App(id) => self.names.of(id),
        }
    }

    /// The id to show beside the name, where the name is another word.
    pub(crate) fn id_beside<'b>(&self, target: &'b Target) -> Option<&'b PackageName> {
        target.app().filter(|id| self.names.of(id) != id.as_str())
    }

    /// A whole document.
    pub(crate) fn page(
        &self,
        title: &str,
        place: Place,
        refresh: Refresh,
        content: &Markup,
    ) -> Page {
        let document = html! {
            (DOCTYPE)
            html lang="en" data-build=(asset::BUILD.as_str()) {
                (self.head(title, refresh))
                body {
                    a class="skip" href="#main" { "Skip to content" }
                    (self.top(place))
                    main id="main" tabindex="-1" { (content) }
                }
            }
        };
        Html(document.into_string())
    }

    fn head(&self, title: &str, refresh: Refresh) -> Markup {
        html! {
            head {
                meta charset="utf-8";
                title { (title) " · " (self.product.name) }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(asset::ICON.path) type="image/svg+xml";
                link rel="stylesheet" href=(asset::STYLE.path);
                script src=(asset::SCRIPT.path) defer {}
                @match refresh {
                    Refresh::Never => {},
                    Refresh::WhileRunning => { noscript { meta http-equiv="refresh" content="2"; } },
                    Refresh::Always => { meta http-equiv="refresh" content="2"; },
                }
            }
        }
    }

    fn top(&self, place: Place) -> Markup {
        html! {
            header class="top" {
                div class="bar" {
                    a class="brand" href="/" {
                        (icon(Icon::Leaf)) span { (self.product.name) }
                        span class="version" { (self.product.version) }
                    }
                    @if let Some(reader) = self.reader {
                        nav aria-label="Main" {
                            (nav_link("/", "Overview", place == Place::Overview))
                            (nav_link("/history", "History", place == Place::History))
                            (nav_link("/preflight", "Check-up", place == Place::Preflight))
                        }
                        div class="who" {
                            span class="account" { (reader.session.account) }
                            (button(reader, "/sign-out", Look::Quiet, "Sign out"))
                        }
                    }
                }
            }
        }
    }
}

fn nav_link(href: &str, label: &str, is_here: bool) -> Markup {
    html! { a href=(href) aria-current=[is_here.then_some("page")] { (label) } }
}
