//! The overview: the state in one sentence, what to read first, core, apps, and how fresh it all is.

use maud::{Markup, html};
use newleaf_domain::{Target, Timestamp, Version};
use newleaf_update::journal::Ending;
use newleaf_update::plan::Candidate;
use newleaf_update::view::{
    AppRow, CoreCard, DataChoice, Freshness, HistoryEntry, Offer, Overview, RunningUpdate,
    Severity, UndoOffer,
};

use super::{Frame, Page, Place, Refresh};
use crate::gate::SignedIn;
use crate::part::form::{Look, button, plan_button, token};
use crate::part::icon::{Icon, icon};
use crate::part::words::Tone;
use crate::part::{badge, candidate, notice, time, work};

/// When versions were taken into service, by what history says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct History<'a>(pub(crate) &'a [HistoryEntry]);

impl History<'_> {
    /// When the newest update that took `target` away from `version` ended.
    pub(crate) fn replaced(&self, target: &Target, version: &Version) -> Option<Timestamp> {
        self.0
            .iter()
            .filter(|entry| entry.target.target == *target)
            .filter(|entry| entry.ending == Some(Ending::Committed))
            .find(|entry| entry.target.from.as_ref() == Some(version))
            .and_then(|entry| entry.ended)
    }
}

/// What a card says of core or of one app.
struct Subject<'a> {
    target: Target,
    name: &'a str,
    offer: Option<&'a Offer>,
    candidates: &'a [Candidate],
    undo: Option<&'a UndoOffer>,
}

impl<'a> Subject<'a> {
    fn core(core: &'a CoreCard) -> Self {
        Self {
            target: Target::Core,
            name: &core.product,
            offer: core.offer.as_ref(),
            candidates: &core.candidates,
            undo: core.undo.as_ref(),
        }
    }

    fn app(app: &'a AppRow) -> Self {
        Self {
            target: Target::App(app.id.clone()),
            name: &app.name,
            offer: app.offer.as_ref(),
            candidates: &app.candidates,
            undo: app.undo.as_ref(),
        }
    }
}

/// The page.
pub(crate) fn overview(
    frame: &Frame<'_>,
    reader: &SignedIn,
    view: &Overview,
    history: History<'_>,
) -> Page {
    frame.page(
        "Overview",
        Place::Overview,
        if view.running.is_some() { Refresh::WhileRunning } else { Refresh::Never },
        &html! {
            (notice::notices(&view.notices))
            (hero(view))
            @if let Some(running) = &view.running { (running_banner(frame, running)) }
            (core_card(reader, view, history))
            section aria-labelledby="apps-title" {
                div class="head" {
                    h2 id="apps-title" { "Apps" }
                    a class="more" href="/apps" { "Install an app" }
                }
                @if view.apps.is_empty() {
                    p class="card empty" { "No app is installed yet." }
                } @else {
                    ul class="cards" {
                        @for app in &view.apps { (app_card(frame, reader, app, (history, &view.freshness))) }
                    }
                }
            }
            (freshness(frame, reader, &view.freshness))
        },
    )
}

fn hero(view: &Overview) -> Markup {
    let has_offer = view.core.offer.is_some() || view.apps.iter().any(|app| app.offer.is_some());
    let has_failure = view.notices.iter().any(|notice| notice.severity == Severity::Error);
    let (tone, sign) = match (view.running.is_some(), has_offer, has_failure) {
        // Nobody looked, so nothing is known to be good.
        (false, false, false) if view.freshness.off_since.is_some() => (Tone::Plain, Icon::Info),
        (true, _, _) => (Tone::Fresh, Icon::Running),
        (false, true, _) => (Tone::Fresh, Icon::Up),
        (false, false, true) => (Tone::Warn, Icon::Warning),
        (false, false, false) => (Tone::Good, Icon::Check),
    };
    html! {
        div class="hero" {
            span class={ "hero-sign " (tone.class()) } { (icon(sign)) }
            h1 { (view.sentence) }
        }
    }
}

fn running_banner(frame: &Frame<'_>, running: &RunningUpdate) -> Markup {
    html! {
        a class="card running-banner" href={ "/updates/" (running.id) } {
            (icon(Icon::Running))
            span {
                strong {
                    "An update of " (frame.name_of(&running.target))
                    @if running.interrupted.is_some() { " stands still" } @else { " is running" }
                }
                @if let Some(step) = running.step { ": " (step.title()) }
            }
            span class="go" { "Watch" }
        }
    }
}

fn core_card(reader: &SignedIn, view: &Overview, history: History<'_>) -> Markup {
    let core = &view.core;
    let subject = Subject::core(core);
    html! {
        section class="card subject core" aria-labelledby="core-title" {
            div class="head" {
                div {
                    h2 id="core-title" { (core.product) }
                    p class="facts" {
                        "Core " strong { (core.version) } " · " (core.edition) " edition · "
                        (core.channel) " channel"
                    }
                }
                (action(reader, &subject, &view.freshness))
            }
            (held_back(&subject))
            (foot(&subject, history))
        }
    }
}

fn app_card(
    frame: &Frame<'_>,
    reader: &SignedIn,
    app: &AppRow,
    (history, fresh): (History<'_>, &Freshness),
) -> Markup {
    let subject = Subject::app(app);
    html! {
        li class="card subject" {
            div class="head" {
                div {
                    h3 { (app_link(frame, app)) }
                    @if !app.summary.is_empty() { p class="summary" { bdi { (app.summary) } } }
                    p class="facts" {
                        @match &app.version {
                            Some(version) => { strong { (version) } " · " },
                            None => { "not loaded · " },
                        }
                        code { (app.id) }
                    }
                }
                (action(reader, &subject, fresh))
            }
            @if !app.serving {
                p class="trouble bad-text" {
                    (icon(Icon::Cross)) span {
                        "Not serving"
                        @if let Some(why) = &app.stopped { ": " (why) }
                    }
                }
            }
            @if let Some(choice) = &app.choice { (choice_of(reader, app, choice)) }
            @if let Some(why) = &app.blocked {
                p class="trouble warn-text" { (icon(Icon::Warning)) span { (why) } }
            }
            (work::work(&app.work, frame.now))
            (held_back(&subject))
            (foot(&subject, history))
        }
    }
}

/// The two ways on for an app that could not go back by itself without losing data.
fn choice_of(reader: &SignedIn, app: &AppRow, choice: &DataChoice) -> Markup {
    html! {
        form class="start" method="post" action={ "/apps/" (app.id) "/keep" } {
            (token(reader))
            p class="facts" {
                "Its data is kept until somebody chooses: "
                strong { "Undo" } " goes back and loses what is named above; "
                strong { "Keep and retry" } " serves " (choice.keep) " again, with everything."
            }
            div class="buttons" {
                @if let Some(back) = &choice.back {
                    a class="button danger" href={ "/undo/" (app.id) } { (icon(Icon::Back)) "Undo: back to " (back) }
                }
                button type="submit" class=(Look::Quiet.class()) { "Keep " (choice.keep) " and retry" }
            }
        }
    }
}

fn app_link(frame: &Frame<'_>, app: &AppRow) -> Markup {
    html! {
        @match frame.product.apps.url(&app.id).filter(|_| app.serving) {
            Some(address) => { a href=(address) { bdi { (app.name) } } },
            None => { bdi { (app.name) } },
        }
    }
}

fn action(reader: &SignedIn, subject: &Subject<'_>, fresh: &Freshness) -> Markup {
    html! {
        div class="action" {
            @match subject.offer {
                Some(offer) => {
                    (plan_button(
                        reader, &subject.target, None, Look::Primary,
                        &format!("Update to {}", offer.version),
                        &format!("Update {} to {}", subject.name, offer.version),
                    ))
                    p class="offer" {
                        (badge::of_offer(offer)) span class="size" { (offer.length) }
                    }
                    @if let Some(waits) = &offer.waits_for {
                        p class="waits" { "Waits for you: " (waits) "." }
                    }
                },
                None if fresh.off_since.is_some() => {
                    p class="quiet-state" { (icon(Icon::Info)) "Not checked by itself" }
                },
                None => { p class="quiet-state" { (icon(Icon::Check)) "Nothing newer to install" } },
            }
        }
    }
}

/// At most two newer releases that cannot be installed, with the reason of each.
fn held_back(subject: &Subject<'_>) -> Markup {
    let held: Vec<_> = candidate::held_back(subject.candidates).take(2).collect();
    html! {
        @if !held.is_empty() {
            ul class="held" {
                @for (one, reason) in held {
                    li { (icon(Icon::Info)) span { strong { (one.version) } " is not offered: " (reason) } }
                }
            }
        }
    }
}

fn foot(subject: &Subject<'_>, history: History<'_>) -> Markup {
    let target = &subject.target;
    html! {
        @if !subject.candidates.is_empty() || subject.undo.is_some() || target.app().is_some() {
            p class="foot" {
                @if let Some(app) = target.app() {
                    a href={ "/apps/" (app) } aria-label={ "Manage " (subject.name) } { "Manage" }
                }
                @if !subject.candidates.is_empty() {
                    a href={ "/releases/" (target) } aria-label={ "All versions of " (subject.name) } {
                        "All versions"
                    }
                }
                a href={ "/history/" (target) } aria-label={ "History of " (subject.name) } { "History" }
                @if let Some(undo) = subject.undo {
                    a href={ "/undo/" (target) } {
                        "Undo: back to " (undo.version)
                        @if let Some(at) = history.replaced(target, &undo.version) {
                            ", replaced " (time::day(at))
                        }
                        @if let Some(until) = undo.until { ", until " (time::day(until)) }
                    }
                }
            }
        }
    }
}

fn freshness(frame: &Frame<'_>, reader: &SignedIn, fresh: &Freshness) -> Markup {
    html! {
        section class="freshness" aria-label="Freshness" {
            div {
                @if let Some(since) = fresh.off_since {
                    p class="warn-text" {
                        "Checks for updates are off since " (time::day(since)) ". Nobody looks but by hand."
                    }
                }
                p {
                    @match fresh.last_check {
                        Some(at) => { "Last contact with the repository " (time::relative(at, frame.now)) },
                        None => { "The repository has not been read yet" },
                    }
                    @if let Some(at) = fresh.expires {
                        @if at > frame.now {
                            " · its signatures expire " (time::relative(at, frame.now))
                        } @else {
                            " · " strong class="bad-text" { "signatures expired " (time::relative(at, frame.now)) }
                        }
                    }
                    "."
                }
                @if let Some(error) = &fresh.last_error {
                    p class="bad-text" {
                        "The last try"
                        @if let Some(at) = fresh.last_try { ", " (time::relative(at, frame.now)) "," }
                        " failed: " (error)
                    }
                }
            }
            (button(reader, "/check", Look::Quiet, "Check now"))
        }
    }
}
