//! One complete value of everything that a page shows, for tests and for looking at the pages.

mod overview;
mod plan;
mod report;
mod word;

pub(crate) use overview::{
    app_row, candidates, channel_view, names, overview, overview_with_a_choice, quiet_overview,
    releases_view, shelf, troubled_overview,
};
pub(crate) use plan::{
    blocked_prerequisites, install_view, leaving_view, plan_view, rehearsed_plan_view, stale_plan,
    undo_offer,
};
pub(crate) use report::{committed, history, interrupted, journey, rolled_back, running, undone};
pub(crate) use word::{notes_target, now, product, reader, version};
