//! The plan: what would change, what must hold, what is asked for, and the button that starts it.

use maud::{Markup, html};
use newleaf_domain::{AppOrigin, ByteSize, Target};
use newleaf_update::Skip;
use newleaf_update::plan::{Change, LeftBehind, WayOn};
use newleaf_update::view::{ChangeView, PlanView, SHARED_ORIGIN};

use super::{Frame, Page, Place, Refresh};
use crate::gate::SignedIn;
use crate::part::form::{Look, button, skip_button, token};
use crate::part::icon::{Icon, icon};
use crate::part::words::{Tone, hop, sentence};
use crate::part::{badge, grant, journey, notes, notice, prerequisite, time};

/// What is rehearsed while the page is read, in words.
type Rehearsing<'a> = Option<&'a str>;

/// What the reader just tried, where the page comes back to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing yet.
    Nothing,
    /// To start without the consent that is needed.
    WithoutConsent,
    /// To start although apps do not run on the new core.
    WithoutSuspension,
    /// To start without a yes to the pause.
    WithoutPause,
    /// To start although a prerequisite does not hold.
    WhileBlocked,
}

/// The page.
pub(crate) fn plan(
    frame: &Frame<'_>,
    reader: &SignedIn,
    view: &PlanView,
    asked: Asked,
    now: Rehearsing<'_>,
) -> Page {
    let title = title(frame, view);
    frame.page(
        &title,
        Place::Overview,
        if now.is_some() { Refresh::Always } else { Refresh::Never },
        &html! {
            p class="crumb" { a href="/" { "Overview" } }
            h1 { (title) }
            (answer(asked))
            (way(view))
            @for (at, change) in view.changes.iter().enumerate() {
                (change_card(frame, change, (at + 1, view.changes.len())))
            }
            (left_behind(view))
            (rehearsal(reader, view, now))
            (prerequisites(view))
            (start(reader, view, asked, now))
            p class="fine" {
                "Plan " code { (view.plan.id.short()) } ", made " (time::moment(view.plan.created))
                ". Exactly this is carried out, or nothing."
            }
        },
    )
}

fn title(frame: &Frame<'_>, view: &PlanView) -> String {
    let from = view.plan.changes.first().and_then(|first| first.from.as_ref());
    let Some(goal) = view.plan.goal() else { return "Nothing to change".to_owned() };
    let name = shown_name(frame, view);
    match from {
        Some(_) if goal.is_downgrade() => format!("Take {name} back {}", hop(from, &goal.to)),
        Some(_) => format!("Update {name} {}", hop(from, &goal.to)),
        None => format!("Install {name} {}", hop(from, &goal.to)),
    }
}

/// What the first release did on a copy of the data, or the way to try it. What is not installed has
/// no data to be tried on.
fn rehearsal(reader: &SignedIn, view: &PlanView, now: Rehearsing<'_>) -> Markup {
    let replaces = view.plan.changes.first().is_some_and(|first| first.from.is_some());
    html! {
        @if replaces {
            section class="card" id="rehearsal" aria-labelledby="rehearsal-title" {
                div class="head" {
                    div {
                        h2 id="rehearsal-title" { "Rehearsal" }
                        @if view.rehearsal.is_none() {
                            p class="facts" {
                                "The first change is tried on a copy of the data, here or when the update begins. "
                                "What serves goes on serving."
                            }
                        }
                    }
                    @if now.is_none() {
                        (button(reader, &format!("/plans/{}/rehearse", view.plan.id), Look::Quiet, "Rehearse"))
                    }
                }
                @if let Some(what) = now {
                    p class="trouble" role="status" { (icon(Icon::Running)) span { (what) " is being rehearsed. This page looks again by itself." } }
                }
                (rehearsed(view))
                @if let Some(pause) = &view.pause {
                    p class=(if pause.announced.is_some() { "trouble warn-text" } else { "trouble good-text" }) {
                        (icon(if pause.announced.is_some() { Icon::Warning } else { Icon::Check }))
                        span { (sentence(&pause.sentence())) }
                    }
                }
            }
        }
    }
}

fn rehearsed(view: &PlanView) -> Markup {
    html! {
        @if let Some(note) = &view.rehearsal {
                p class=(if note.is_good() { "trouble good-text" } else { "trouble bad-text" }) {
                    (icon(if note.is_good() { Icon::Check } else { Icon::Warning }))
                    span { "Tried on " (time::moment(note.at)) ", beside " (note.from) ", without touching what serves." }
                }
                ul { @for told in note.sentences() { li { (told) } } }
        }
    }
}

/// What a plan of several hops means, and what one that goes back does to the data.
fn way(view: &PlanView) -> Markup {
    let hops = view.plan.changes.len();
    html! {
        @if hops > 1 {
            p class="lead" {
                "This takes " strong { (hops) " hops" } ", one after the other. Each is an update of its own: "
                "watched before the next begins, and the first that fails stops the plan on a working version."
            }
        }
        @if let Some(goal) = view.plan.goal().filter(|goal| goal.is_downgrade()) {
            p class="lead" {
                "An older version takes the place of a newer one. The data stays as it is: schema "
                (goal.schema.0) ", which programs of schema " (goal.oldest_reader)
                " and newer can read; " (goal.to) " writes schema " (goal.writes) "."
            }
        }
    }
}

fn shown_name<'a>(frame: &'a Frame<'_>, view: &'a PlanView) -> &'a str {
    view.changes.first().map_or("", |one| name(frame, one))
}

fn name<'a>(frame: &'a Frame<'_>, one: &'a ChangeView) -> &'a str {
    match (&one.text, &one.change.target) {
        (Some(text), Target::App(_)) => &text.name,
        (_, target) => frame.name_of(target),
    }
}

fn answer(asked: Asked) -> Markup {
    match asked {
        Asked::Nothing => html! {},
        Asked::WithoutConsent => notice::line(
            Tone::Bad,
            "Nothing was started: what the app asks for needs your yes below.",
        ),
        Asked::WithoutSuspension => notice::line(
            Tone::Bad,
            "Nothing was started: apps would be suspended, and that needs your yes below.",
        ),
        Asked::WithoutPause => notice::line(
            Tone::Bad,
            "Nothing was started: the app would serve nobody for a time, and that needs your yes below.",
        ),
        Asked::WhileBlocked => notice::line(
            Tone::Bad,
            "Nothing was started: something that must hold does not. It is measured again below.",
        ),
    }
}

fn change_card(frame: &Frame<'_>, one: &ChangeView, (number, of): (usize, usize)) -> Markup {
    let change = &one.change;
    html! {
        section class="card" aria-label={
            "Change of " (name(frame, one)) " to " (change.to)
        } {
            div class="head" {
                div {
                    h2 class="versions" {
                        bdi { (name(frame, one)) } " "
                        span class="version" { (hop(change.from.as_ref(), &change.to)) }
                    }
                    @if of > 1 {
                        p class="facts" {
                            "Hop " (number) " of " (of) ": " (journey::because(&change.because))
                        }
                    }
                    p class="badges" {
                        @if let Some(step) = change.step { (badge::step(step)) }
                        (badge::security_and_breaking(
                            !change.security.is_empty(), !change.breaking.is_empty(),
                        ))
                        (badge::channel(change.channel))
                    }
                }
            }
            dl class="facts-grid" {
                div { dt { "Published" } dd { (time::day(change.published)) } }
                div { dt { "Download" } dd { (change.length) } }
                div { dt { "Space needed" } dd { (space(one.needs)) } }
                div { dt { "SHA-256" } dd { code title=(change.digest) { (change.digest.short()) "…" } } }
            }
            (sentences("Security", "bad-text", &change.security))
            (sentences("What stops working", "warn-text", &change.breaking))
            (data(change))
            @if let Some(text) = &one.text {
                @if let Some(changelog) = &text.changelog {
                    details class="changelog" open[of == number] { summary { "Release notes" } (notes::notes(changelog)) }
                }
            }
            (permissions(frame.product.apps.origin(), one))
        }
    }
}

/// What the app may do from then on: the differences with their reasons, what stays, and what all
/// apps of one host share, where they do.
fn permissions(origin: AppOrigin, one: &ChangeView) -> Markup {
    let Target::App(_) = &one.change.target else { return html! {} };
    let is_install = one.change.from.is_none();
    html! {
        h3 { "What the app may do" }
        @if one.grants.is_empty() {
            p class="facts" {
                @if is_install { "It asks for nothing: it answers requests and keeps nothing." }
                @else { "Nothing else than today." }
            }
        } @else {
            @if !is_install { p class="facts" { "Compared with what it may do today:" } }
            (grant::changes(&one.grants))
        }
        (grant::unchanged(&one.change.grants, &one.grants))
        @if is_install && origin == AppOrigin::Path {
            p class="trouble" { (icon(Icon::Info)) span { (SHARED_ORIGIN) } }
        }
    }
}

/// The apps that the new core leaves behind: what is lost for a time, and what brings each back.
fn left_behind(view: &PlanView) -> Markup {
    html! {
        @if !view.left_behind.is_empty() {
            section class="card" aria-labelledby="left-behind-title" {
                h2 id="left-behind-title" class="warn-text" {
                    @if view.left_behind.len() == 1 { "1 app does not run on it" }
                    @else { (view.left_behind.len()) " apps do not run on it" }
                }
                ul class="grants" {
                    @for app in &view.left_behind {
                        li class="grant widens" {
                            p class="what" {
                                (icon(Icon::Warning))
                                span { strong { (app.app) } " " (app.version) " needs core " (app.wanted) }
                            }
                            p class="why" { (way_on(app)) }
                        }
                    }
                }
            }
        }
    }
}

fn way_on(app: &LeftBehind) -> Markup {
    html! {
        @match &app.way {
            WayOn::Before { version } => {
                "Version " strong { (version) } " runs on both: "
                a href={ "/releases/" (app.app) } { "update it first" } ", and nothing stops."
            },
            WayOn::After { version } => {
                "It is suspended, its data is kept, and version " strong { (version) }
                " brings it back by itself once the new core is kept."
            },
            WayOn::Unknown => {
                "It is suspended and its data is kept. It comes back by itself as soon as a version \
                 comes that runs on the new core, or when core goes back."
            },
        }
    }
}

/// What becomes of the data: the author's sentences, under the two schemas.
fn data(change: &Change) -> Markup {
    html! {
        @if change.migrates() {
            h3 { "What happens to the data" }
            p class="facts" { "Brought from schema " (change.schema.0) " to " (change.schema.1) "." }
            @if !change.migrations.is_empty() {
                ul class="sentences" { @for line in &change.migrations { li { (line) } } }
            }
        }
    }
}

fn space(needs: ByteSize) -> Markup {
    html! { @if needs.as_u64() == 0 { "nothing to speak of" } @else { (needs) " for a time" } }
}

fn sentences(title: &str, class: &str, lines: &[String]) -> Markup {
    html! {
        @if !lines.is_empty() {
            h3 class=(class) { (title) }
            ul class="sentences" { @for line in lines { li { (line) } } }
        }
    }
}

fn prerequisites(view: &PlanView) -> Markup {
    html! {
        section class="card" id="prerequisites" aria-labelledby="prerequisites-title" {
            div class="head" {
                div {
                    h2 id="prerequisites-title" { "Prerequisites" }
                    p class="facts" { (prerequisite::summary(&view.prerequisites)) }
                }
                form method="get" action={ "/plans/" (view.plan.id) "#prerequisites" } {
                    button type="submit" class=(Look::Quiet.class()) { "Re-check" }
                }
            }
            (prerequisite::list(&view.prerequisites, prerequisite::Holding::Folded))
        }
    }
}

fn start(reader: &SignedIn, view: &PlanView, asked: Asked, now: Rehearsing<'_>) -> Markup {
    let holds = prerequisite::all_hold(&view.prerequisites);
    let pause = view.pause.as_ref().filter(|pause| pause.announced.is_some());
    let needs_consent = view.plan.changes.iter().any(Change::needs_consent);
    html! {
        form class="start" method="post" action={ "/plans/" (view.plan.id) "/start" } {
            (token(reader))
            @if needs_consent {
                label class=(if asked == Asked::WithoutConsent { "consent missing" } else { "consent" }) {
                    input type="checkbox" name="consent" value="given" required
                        aria-invalid=[(asked == Asked::WithoutConsent).then_some("true")];
                    span { (consent_sentence(view)) }
                }
            }
            @if !view.left_behind.is_empty() {
                label class=(if asked == Asked::WithoutSuspension { "consent missing" } else { "consent" }) {
                    input type="checkbox" name="suspend" value="given" required
                        aria-invalid=[(asked == Asked::WithoutSuspension).then_some("true")];
                    span { "Yes, go on: the apps named above are suspended until they fit again. Their data is kept." }
                }
            }
            @if let Some(pause) = pause {
                label class=(if asked == Asked::WithoutPause { "consent missing" } else { "consent" }) {
                    input type="checkbox" name="pause" value="given" required
                        aria-invalid=[(asked == Asked::WithoutPause).then_some("true")];
                    span { "Yes, the app may serve nobody for " (pause.expected()) "; visitors are told to come again." }
                }
            }
            div class="buttons" {
                button type="submit" class="button primary" disabled[!holds || now.is_some()] { (icon(Icon::Up)) "Start" }
                a class="button quiet" href="/" { "Not now" }
            }
            @if !holds {
                p class="fine" { "Start waits until every prerequisite holds." }
            }
        }
        (refuse(reader, view))
    }
}

/// What is agreed to, in one sentence.
fn consent_sentence(view: &PlanView) -> Markup {
    let is_install = view.plan.changes.iter().all(|change| change.from.is_none());
    html! {
        @if is_install { "Yes, the app may do what stands above." }
        @else {
            "Yes, the app may do what is marked " em { "new" } " or " em { "more than today" } " above."
        }
    }
}

/// Says no for good, where a version that asks for more is not wanted.
fn refuse(reader: &SignedIn, view: &PlanView) -> Markup {
    let goal = view.plan.goal().filter(|goal| goal.from.is_some() && !goal.is_downgrade());
    html! {
        @if let Some(goal) = goal {
            section class="freshness" aria-label="Refuse" {
                div { p {
                    "Not wanted at all? Version " (goal.to) " is then not offered any more; what comes after it is."
                } }
                (skip_button(reader, &goal.target, &goal.to, Skip::Refuse))
            }
        }
    }
}
