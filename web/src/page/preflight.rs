//! The check-up: every prerequisite of this machine, measured without updating anything.

use maud::html;
use newleaf_update::view::Prerequisite;

use super::{Frame, Page, Place, Refresh};
use crate::part::form::Look;
use crate::part::prerequisite;

/// The page.
pub(crate) fn preflight(frame: &Frame<'_>, prerequisites: &[Prerequisite]) -> Page {
    frame.page(
        "Check-up",
        Place::Preflight,
        Refresh::Never,
        &html! {
            h1 { "Could this machine update now?" }
            section class="card" aria-label="Prerequisites" {
                div class="head" {
                    p class="lead" { (prerequisite::summary(prerequisites)) }
                    form method="get" action="/preflight" {
                        button type="submit" class=(Look::Quiet.class()) { "Re-check" }
                    }
                }
                (prerequisite::list(prerequisites, prerequisite::Holding::Listed))
            }
        },
    )
}
