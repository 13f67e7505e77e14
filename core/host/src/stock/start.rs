//! The start page: the apps of this host, and where the notice board is.

use axum::extract::State;
use maud::{Markup, html};

use super::page::{Page, Section};
use crate::ProductContext;
use crate::route::AppLink;

pub(super) async fn page(State(context): State<ProductContext>) -> Page {
    start(context.program, context.version, &context.apps.list())
}

fn start(program: &str, version: &str, apps: &[AppLink]) -> Page {
    super::page(
        "Apps",
        Section::Start,
        &html! {
            h1 { "Apps" }
            @if apps.is_empty() {
                p.quiet { "No apps are installed yet. An admin can add some in the portal, or by:" }
                p { code { (program) " apps install acme/notes" } }
            } @else {
                p.quiet { "Choose an app to open it." }
                ul.grid { @for app in apps { li { (card(app)) } } }
            }
            p.quiet { "Newleaf " (version) " · " a href="/board" { "Notice board" } }
        },
    )
}

fn card(app: &AppLink) -> Markup {
    html! {
        article.card {
            h2 { a href=(app.path()) { (app.name) } }
            @if !app.summary.is_empty() { p.quiet { (app.summary) } }
            div.facts {
                span { (app.id.as_str()) }
                @match &app.version {
                    Some(version) => span.tag { (version.as_str()) },
                    None => span.tag.warn { "stopped" },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{PackageName, Version};

    use super::*;

    fn notes(version: Option<&str>) -> AppLink {
        AppLink {
            id: PackageName::parse("acme/notes").unwrap(),
            name: "Notes <& more>".to_owned(),
            summary: "Keeps notes.".to_owned(),
            version: version.map(|version| Version::parse(version).unwrap()),
        }
    }

    #[test]
    fn each_app_is_a_card_that_leads_to_it() {
        let page = start("newleaf", "1.0.0", &[notes(Some("2.0.0"))]).into_string();
        assert!(
            page.contains(r#"<a href="/apps/acme/notes/">Notes &lt;&amp; more&gt;</a>"#),
            "{page}"
        );
        assert!(page.contains(r#"<span class="tag">2.0.0</span>"#), "{page}");
    }

    #[test]
    fn a_stopped_app_is_still_listed() {
        assert!(
            start("newleaf", "1.0.0", &[notes(None)])
                .into_string()
                .contains(r#"<span class="tag warn">stopped</span>"#)
        );
    }

    #[test]
    fn a_host_without_apps_says_how_to_get_one() {
        assert!(start("newleaf", "1.0.0", &[]).into_string().contains("newleaf apps install"));
    }
}
