//! The recovery page: plain, without scripts, from files alone.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use newleaf_launcher::journal::{self, Entry, Record};
use newleaf_launcher::{Layout, state_file};

/// Seconds after which a visitor may try again.
const RETRY: &str = "10";

/// Records that are shown.
const SHOWN: usize = 20;

/// What every public request is answered with.
pub(super) fn public() -> Router {
    Router::new().fallback(async || {
        let head = headers("text/plain; charset=utf-8");
        (StatusCode::SERVICE_UNAVAILABLE, head, "The service is being repaired. Try again soon.\n")
    })
}

/// The page for admins, on every path.
pub(super) fn admin(name: &'static str, layout: Arc<Layout>) -> Router {
    Router::new().fallback(show).with_state((name, layout))
}

async fn show(State((name, layout)): State<(&'static str, Arc<Layout>)>) -> impl IntoResponse {
    let head = headers("text/html; charset=utf-8");
    (StatusCode::SERVICE_UNAVAILABLE, head, page(name, &layout))
}

fn headers(kind: &'static str) -> [(HeaderName, &'static str); 3] {
    [(CONTENT_TYPE, kind), (RETRY_AFTER, RETRY), (CACHE_CONTROL, "no-store")]
}

fn page(name: &str, layout: &Layout) -> String {
    let records = journal::read_from(layout, 1).unwrap_or_default();
    let last = &records[records.len().saturating_sub(SHOWN)..];
    let row =
        |record: &Record| format!("<li><time>{}</time> {}</li>", record.at, escaped(&line(record)));
    let rows = last.iter().rev().map(row).collect::<Vec<_>>().concat();
    let runs = match state_file::read(layout) {
        Ok(state) => format!("core {} should run", state.core.good.version),
        Err(error) => error.to_string(),
    };
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <meta http-equiv=refresh content={RETRY}><title>{name} needs help</title>\
         <h1>{name} cannot be started</h1><p>{why}</p>\
         <p>State: {runs}. It is started again by itself, later each time.</p>\
         <p>Look at the host's log, then restart the service; <code>newleaf rollback core</code> with the \
         service stopped goes back to the version before.</p><h2>Last records</h2><ul>{rows}</ul></html>",
        name = escaped(name),
        why = escaped(&reason(&records)),
        runs = escaped(&runs),
    )
}

/// The last thing that was noticed.
fn reason(records: &[Record]) -> String {
    for record in records.iter().rev() {
        if let Entry::Notice { text } = &record.entry {
            return text.clone();
        }
    }
    "The reason is in the host's log.".to_owned()
}

fn line(record: &Record) -> String {
    match &record.entry {
        Entry::Began { target, to, .. } => format!("update of {target} to {to} began"),
        Entry::Started { step } => format!("{step} started"),
        Entry::Finished { step, .. } => format!("{step} finished"),
        Entry::Failed { step, failure } => format!("{step} failed: {}", failure.what),
        Entry::Ended { ending, reason } => {
            format!("ended {ending:?}: {}", reason.as_deref().unwrap_or("no reason given"))
        }
        Entry::Notice { text } => text.clone(),
        Entry::Unknown => "a record of a newer version".to_owned(),
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_gives_the_last_notice_and_escapes_it() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let line =
            r#"{"seq":1,"at":"2026-11-21T02:30:00Z","kind":"notice","text":"1.0.0 said <no>"}"#;
        std::fs::write(layout.journal(), format!("{line}\n")).unwrap();
        let page = page("Acme", &layout);
        assert!(page.contains("<p>1.0.0 said &lt;no&gt;</p>"), "{page}");
    }
}
