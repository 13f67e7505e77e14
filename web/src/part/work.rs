//! What an app does by itself and what it uses, in a few lines below its card.

use maud::{Markup, html};
use newleaf_domain::Timestamp;
use newleaf_update::view::{JobEnd, JobRow, Usage, Work};

use super::icon::{Icon, icon};
use super::time::relative;

/// The jobs of an app, and what it uses, folded; nothing where there is neither.
pub(crate) fn work(work: &Work, now: Timestamp) -> Markup {
    html! {
        @for row in &work.jobs { (job(row, now)) }
        @if let Some(usage) = &work.usage { (used(usage)) }
    }
}

fn job(row: &JobRow, now: Timestamp) -> Markup {
    let failed = row.last.as_ref().is_some_and(|last| matches!(last.end, JobEnd::Failed(_)));
    html! {
        p class=(if failed { "facts warn-text" } else { "facts" }) {
            (icon(if failed { Icon::Warning } else { Icon::Info })) " "
            "Background work “" (row.job) "” "
            @if row.running { "runs now" } @else {
                @match &row.last {
                    None => { "has not run yet" }
                    Some(last) => { (last.end) " " (relative(last.began, now)) }
                }
            }
            @if row.failures > 1 { " (" (row.failures) " failures in a row)" }
            @if let Some(next) = row.next.filter(|_| !row.running) {
                "; next run "
                @if next > now { (relative(next, now)) } @else { "at once" }
            }
            "."
        }
    }
}

fn used(usage: &Usage) -> Markup {
    let time = |micros: Option<u64>| {
        micros
            .map_or_else(|| "–".to_owned(), |it| format!("{}.{} ms", it / 1_000, it % 1_000 / 100))
    };
    html! {
        details class="folded" {
            summary { "What it uses" }
            p class="facts" {
                "Since it was loaded: " (usage.requests) " requests, half of them within "
                (time(usage.p50_us)) ", 99 of 100 within " (time(usage.p99_us)) "; "
                (usage.traps) " broke down, " (usage.server_errors) " answered with an error of the server; "
                (usage.cpu_ms) " ms of processor time; at most " (usage.memory) " of memory at once."
                @if let Some(stored) = usage.stored { " Its data takes " (stored) "." }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{ByteSize, JobName};
    use newleaf_update::view::JobRun;

    use super::*;

    #[test]
    fn a_job_says_how_it_ended_and_when_it_comes_again() {
        let now = crate::sample::now();
        let row = JobRow {
            job: JobName::parse("fetch").unwrap(),
            every_seconds: 900,
            running: false,
            last: Some(JobRun {
                began: now.plus_seconds(-600),
                took_ms: 1_200,
                end: JobEnd::Failed("<no milk>".to_owned()),
            }),
            failures: 3,
            next: Some(now.plus_seconds(1_800)),
        };
        let usage = Usage { requests: 7, p50_us: Some(1_250), ..Usage::default() };
        let usage = Usage { stored: Some(ByteSize::mib(2)), ..usage };
        let shown = work(&Work { jobs: vec![row], usage: Some(usage) }, now).into_string();
        for part in [
            "“fetch” failed: &lt;no milk&gt;",
            "10 minutes ago",
            "(3 failures in a row)",
            "in 30 minutes",
            "half of them within 1.2 ms",
            "takes 2 MiB",
        ] {
            assert!(shown.contains(part), "{part} is missing: {shown}");
        }
    }

    #[test]
    fn an_app_without_jobs_that_is_not_served_shows_nothing() {
        assert_eq!(work(&Work::default(), crate::sample::now()).into_string(), "");
    }
}
