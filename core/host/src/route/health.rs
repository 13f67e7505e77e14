//! `/healthz`, `/readyz` and `/metrics` of the admin door.

use std::fmt::Write as _;

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use newleaf_domain::{ByteSize, PackageName};
use newleaf_plugin_host::AppStats;
use newleaf_update::view::{Overview, Usage};

use super::Api;
use super::answer::unreadable;

/// Tells whether this process does its work.
#[async_trait]
pub trait Vitals: Send + Sync + std::fmt::Debug {
    /// Why it does not, in one line; nothing where it does.
    async fn ailment(&self) -> Option<String>;

    /// What each app that serves has done since this process loaded it.
    fn apps(&self) -> Vec<(PackageName, AppStats)> {
        Vec::new()
    }
}

/// The routes; they need no session, and tell nothing that must be hidden.
pub(super) fn routes(api: &Api) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(api.clone())
}

/// The process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// The process does its work: its database answers and the product is well.
async fn ready(State(api): State<Api>) -> Response {
    match api.vitals.ailment().await {
        None => "ok\n".into_response(),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}

async fn metrics(State(api): State<Api>) -> Response {
    match api.updater.overview().await {
        Ok(overview) => {
            let text = text(&overview) + &outbound(&api.vitals.apps());
            ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(error) => unreadable(&api.updater, &error).into_response(),
    }
}

/// The overview in the text format that Prometheus reads.
fn text(overview: &Overview) -> String {
    let mut lines = Lines::default();
    lines.head("newleaf_core_info", "The version of core that serves.");
    lines.gauge("newleaf_core_info", &[("version", overview.core.version.as_str())], 1);
    lines.head("newleaf_update_available", "Whether a newer release can be installed.");
    lines.gauge(
        "newleaf_update_available",
        &[("target", "core")],
        i64::from(overview.core.offer.is_some()),
    );
    for app in &overview.apps {
        let target = [("target", app.id.as_str())];
        lines.gauge("newleaf_update_available", &target, i64::from(app.offer.is_some()));
    }
    lines.head("newleaf_app_serving", "Whether an installed app answers requests.");
    for app in &overview.apps {
        lines.gauge("newleaf_app_serving", &[("app", app.id.as_str())], i64::from(app.serving));
    }
    app_usage(&mut lines, overview);
    lines.head("newleaf_update_running", "Whether an update runs.");
    lines.gauge("newleaf_update_running", &[], i64::from(overview.running.is_some()));
    let times = [
        (
            "newleaf_repository_last_check_seconds",
            "When the repository was last read in full.",
            overview.freshness.last_check,
        ),
        (
            "newleaf_repository_expires_seconds",
            "When the repository's signatures expire.",
            overview.freshness.expires,
        ),
    ];
    for (name, help, at) in times {
        if let Some(at) = at {
            lines.head(name, help);
            lines.gauge(name, &[], at.unix());
        }
    }
    lines.0
}

/// What apps asked of the outside, each number since this process loaded the app.
fn outbound(apps: &[(PackageName, AppStats)]) -> String {
    type Pick = fn(&AppStats) -> u64;
    let counters: [(&str, &str, Pick); 5] = [
        ("requests", "Requests of an app to the outside, refused ones included.", |it| {
            it.outbound.requests
        }),
        ("denied", "Those that the host refused.", |it| it.outbound.denied),
        ("failed", "Those that were let out and failed.", |it| it.outbound.failed),
        ("sent_bytes", "Bytes of bodies that an app sent.", |it| it.outbound.sent),
        ("received_bytes", "Bytes of bodies that an app received.", |it| it.outbound.received),
    ];
    let mut lines = Lines::default();
    for (what, help, pick) in counters {
        let name = format!("newleaf_app_outbound_{what}_total");
        lines.counter(&name, help);
        for (app, stats) in apps {
            let count = i64::try_from(pick(stats)).unwrap_or(i64::MAX);
            lines.gauge(&name, &[("app", app.as_str())], count);
        }
    }
    lines.0
}

/// A number of an app, by the name, the help and the type of its metric.
type Measure = (&'static str, &'static str, Kind, fn(&Usage) -> Option<u64>);

/// What each app uses. Counters begin anew when a version is loaded.
const MEASURES: [Measure; 11] = [
    ("newleaf_app_requests_total", "Requests an app has taken.", Kind::Counter, |it| {
        Some(it.requests)
    }),
    (
        "newleaf_app_traps_total",
        "Requests that broke down or overran a limit.",
        Kind::Counter,
        |it| Some(it.traps),
    ),
    ("newleaf_app_server_errors_total", "Answers of class 5xx.", Kind::Counter, |it| {
        Some(it.server_errors)
    }),
    ("newleaf_app_cpu_milliseconds_total", "Processor time.", Kind::Counter, |it| Some(it.cpu_ms)),
    ("newleaf_app_job_runs_total", "Runs of jobs that have ended.", Kind::Counter, |it| {
        Some(it.job_runs)
    }),
    (
        "newleaf_app_job_failures_total",
        "Runs of jobs that failed or were cut off.",
        Kind::Counter,
        |it| Some(it.job_failures),
    ),
    ("newleaf_app_requests_in_flight", "Requests under way.", Kind::Gauge, |it| Some(it.in_flight)),
    (
        "newleaf_app_request_p50_microseconds",
        "What half of the requests did not exceed.",
        Kind::Gauge,
        |it| it.p50_us,
    ),
    (
        "newleaf_app_request_p99_microseconds",
        "What 99 of 100 requests did not exceed.",
        Kind::Gauge,
        |it| it.p99_us,
    ),
    ("newleaf_app_memory_bytes", "The most memory one instance had.", Kind::Gauge, |it| {
        Some(it.memory.as_u64())
    }),
    ("newleaf_app_stored_bytes", "What the data takes on disk.", Kind::Gauge, |it| {
        it.stored.map(ByteSize::as_u64)
    }),
];

fn app_usage(lines: &mut Lines, overview: &Overview) {
    let used = overview.apps.iter().filter_map(|app| Some((app, app.work.usage.as_ref()?)));
    let used: Vec<_> = used.collect();
    if used.is_empty() {
        return;
    }
    for (name, help, kind, number) in MEASURES {
        lines.head_of(name, help, kind);
        for (app, usage) in &used {
            if let Some(number) = number(usage) {
                let number = i64::try_from(number).unwrap_or(i64::MAX);
                lines.gauge(name, &[("app", app.id.as_str())], number);
            }
        }
    }
}

/// What Prometheus may do with a metric.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// Lines of the text format. The values of labels are names and versions: none needs escaping.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn head(&mut self, name: &str, help: &str) {
        self.head_of(name, help, Kind::Gauge);
    }

    fn head_of(&mut self, name: &str, help: &str, kind: Kind) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    fn counter(&mut self, name: &str, help: &str) {
        self.head_of(name, help, Kind::Counter);
    }

    fn gauge(&mut self, name: &str, labels: &[(&str, &str)], value: i64) {
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let labels = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{value}\""))
            .collect::<Vec<_>>()
            .join(",");
        self.line(format_args!("{name}{{{labels}}} {value}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        let written = writeln!(self.0, "{line}");
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apps_asked_of_the_outside_is_counted_for_each() {
        let mut stats = AppStats::default();
        stats.outbound.requests = 3;
        stats.outbound.denied = 1;
        let text = outbound(&[(PackageName::parse("acme/feeds").unwrap(), stats)]);
        assert!(text.contains("# TYPE newleaf_app_outbound_requests_total counter\n"), "{text}");
        for line in [
            "newleaf_app_outbound_requests_total{app=\"acme/feeds\"} 3\n",
            "newleaf_app_outbound_denied_total{app=\"acme/feeds\"} 1\n",
            "newleaf_app_outbound_received_bytes_total{app=\"acme/feeds\"} 0\n",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
    }

    #[test]
    fn lines_are_as_prometheus_reads_them() {
        let mut lines = Lines::default();
        lines.head("a_b", "Help.");
        lines.gauge("a_b", &[("x", "1.0.0"), ("y", "core")], 1);
        lines.gauge("a_c", &[], -2);
        assert_eq!(
            lines.0,
            "# HELP a_b Help.\n# TYPE a_b gauge\na_b{x=\"1.0.0\",y=\"core\"} 1\na_c -2\n"
        );
    }
}
