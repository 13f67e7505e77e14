//! The overview as text: one sentence, what to read first, core, apps.

use newleaf_plan::Candidate;
use newleaf_update::view::{
    AppRow, CoreCard, Freshness, JobRow, Notice, Offer, Overview, Severity, Usage,
};

use super::table::{joined, table};
use super::verdict;

/// The host as it stands.
pub(crate) fn overview(overview: &Overview) -> String {
    let mut parts = vec![overview.sentence.clone()];
    parts.extend(overview.notices.iter().map(notice));
    if let Some(running) = &overview.running {
        let step = running.step.map_or(String::new(), |step| format!(", at: {}", step.title()));
        let how = if running.interrupted.is_some() { "stands still" } else { "is running" };
        parts.push(format!("Update {} of {} {how}{step}.", running.id, running.target));
    }
    parts.push(core(&overview.core));
    if !overview.apps.is_empty() {
        parts.push(apps(&overview.apps));
        parts.extend(reasons(&overview.apps));
    }
    parts.push(freshness(&overview.freshness));
    parts.join("\n\n")
}

fn notice(notice: &Notice) -> String {
    let word = match notice.severity {
        Severity::Info => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut text = format!("{word}: {}", notice.text);
    for more in [&notice.todo, &notice.command].into_iter().flatten() {
        text = format!("{text}\n  {more}");
    }
    text
}

fn core(core: &CoreCard) -> String {
    let undo = core.undo.as_ref().map(|undo| {
        let until = undo.until.map_or_else(String::new, |until| format!(" until {until}"));
        format!("rollback to {}{until}", undo.version)
    });
    let line = format!("{} {} ({}, {})", core.product, core.version, core.edition, core.channel);
    joined([Some(line), core.offer.as_ref().map(offer), undo])
}

/// The installed apps as a table.
pub(crate) fn apps(apps: &[AppRow]) -> String {
    if apps.is_empty() {
        return "no apps are installed".to_owned();
    }
    let rows = apps.iter().map(row).collect::<Vec<_>>();
    table(["app", "version", "state", "update", "path"], &rows)
}

/// Why apps do not serve, a line each; none where all do.
fn reasons(apps: &[AppRow]) -> Option<String> {
    let stopped = apps.iter().filter(|app| !app.serving);
    let lines = stopped.filter_map(|app| Some(format!("{}: {}", app.id, app.stopped.as_ref()?)));
    let lines = lines.collect::<Vec<_>>();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn row(app: &AppRow) -> [String; 5] {
    let version = app.version.as_ref().map_or("-".to_owned(), ToString::to_string);
    let standing = if app.serving { "serving" } else { "stopped" };
    let update = app.offer.as_ref().map_or("-".to_owned(), offer);
    [app.id.to_string(), version, standing.to_owned(), update, place(app).to_owned()]
}

/// What leads to an app: the path below the public address, or the whole address of its own.
fn place(app: &AppRow) -> &str {
    match &app.url {
        Some(url) if app.path == "/" => url,
        None if app.path == "/" => "-",
        Some(_) | None => &app.path,
    }
}

/// Where an app is served, in a line.
fn served(app: &AppRow) -> String {
    match place(app) {
        "-" => format!(
            "served nowhere: its name makes no host name; give it one: host = \"...\" below \
             [apps.\"{}\"] in newleaf.toml",
            app.id
        ),
        url if app.path == "/" => format!("served at {url}"),
        path => format!("served below {path}"),
    }
}

fn offer(offer: &Offer) -> String {
    let step = match offer.step {
        Some(newleaf_domain::version::Step::Patch) => "patch",
        Some(newleaf_domain::version::Step::Minor) => "minor",
        Some(newleaf_domain::version::Step::Major) => "major",
        None => "new",
    };
    let mut words = vec![step.to_owned(), offer.length.to_string()];
    words.extend(offer.security.then(|| "security".to_owned()));
    words.extend(offer.breaking.then(|| "breaking".to_owned()));
    words.extend(offer.asks_more.then(|| "asks for more".to_owned()));
    words.extend(offer.waits_for.as_ref().map(|waits| format!("waits for you: {waits}")));
    format!("{} ({})", offer.version, words.join(", "))
}

/// One app with all that is known of its releases.
pub(crate) fn app(app: &AppRow) -> String {
    let version = app.version.as_ref().map_or("not loaded".to_owned(), ToString::to_string);
    let mut lines = vec![format!("{} ({}) {version}", app.name, app.id), app.summary.clone()];
    lines.push(served(app));
    lines.extend(app.stopped.as_ref().map(|why| format!("stopped: {why}")));
    lines.extend(app.blocked.as_ref().map(|why| format!("releases unknown: {why}")));
    lines.extend(app.undo.as_ref().map(|undo| {
        let loses = undo.loses.as_ref().map_or(String::new(), |loses| format!(", loses {loses}"));
        let line = format!("rollback would go to {}{loses}", undo.version);
        let grants = undo.grants.iter().map(super::grant);
        std::iter::once(line).chain(grants).collect::<Vec<_>>().join("\n  ")
    }));
    lines.extend(app.work.jobs.iter().map(job));
    lines.extend(app.work.usage.as_ref().map(usage));
    lines.retain(|line| !line.is_empty());
    if !app.candidates.is_empty() {
        lines.push(String::new());
        lines.push(candidates(&app.candidates));
    }
    lines.join("\n")
}

/// A job, its schedule, its last run and the next.
fn job(row: &JobRow) -> String {
    let mut parts = vec![format!("job {}: every {} s", row.job, row.every_seconds)];
    parts.extend(row.running.then(|| "runs now".to_owned()));
    parts.push(row.last.as_ref().map_or_else(
        || "never run".to_owned(),
        |last| format!("last run {} {} after {} ms", last.began, last.end, last.took_ms),
    ));
    parts.extend((row.failures > 1).then(|| format!("{} failures in a row", row.failures)));
    parts.extend(row.next.map(|next| format!("next run {next}")));
    parts.join(", ")
}

/// What an app uses, on one line.
fn usage(usage: &Usage) -> String {
    let time = |micros: Option<u64>| {
        micros.map_or_else(|| "-".to_owned(), |it| format!("{}.{:03} ms", it / 1_000, it % 1_000))
    };
    let stored = usage.stored.map_or_else(|| "not measured yet".to_owned(), |it| it.to_string());
    format!(
        "since it was loaded: {} requests ({} under way, p50 {}, p99 {}), {} traps, {} answers of \
         class 5xx, {} ms of processor time, at most {} of memory an instance; data {stored}",
        usage.requests,
        usage.in_flight,
        time(usage.p50_us),
        time(usage.p99_us),
        usage.traps,
        usage.server_errors,
        usage.cpu_ms,
        usage.memory,
    )
}

/// Every release that was looked at, with its reason.
fn candidates(candidates: &[Candidate]) -> String {
    let rows = candidates
        .iter()
        .map(|candidate| {
            let verdict = verdict(candidate);
            let published = candidate.published.to_string();
            let channel = candidate.channel.to_string();
            [
                candidate.version.to_string(),
                channel,
                published,
                candidate.length.to_string(),
                verdict,
            ]
        })
        .collect::<Vec<_>>();
    table(["version", "channel", "published", "size", "verdict"], &rows)
}

/// How fresh what is known of the repository is.
pub(crate) fn freshness(freshness: &Freshness) -> String {
    let last = freshness.last_check.map_or_else(
        || "repository never read".to_owned(),
        |at| format!("repository read at {at}"),
    );
    let expires = freshness.expires.map(|at| format!("its signatures expire at {at}"));
    let error = freshness.last_error.as_ref().map(|error| match freshness.last_try {
        Some(at) => format!("the try at {at} failed: {error}"),
        None => format!("the last try failed: {error}"),
    });
    let off = freshness.off_since.map(|since| format!("checks for updates are off since {since}"));
    joined([off, Some(last), expires, error])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app_at(path: &str, url: Option<&str>) -> AppRow {
        let row = serde_json::json!({
            "id": "acme/notes", "name": "Notes", "summary": "", "version": "2.0.0", "path": path,
            "url": url, "serving": true, "stopped": null, "offer": null, "blocked": null,
            "candidates": [], "undo": null,
        });
        serde_json::from_value(row).unwrap()
    }

    #[test]
    fn an_app_is_shown_with_what_leads_to_it() {
        let notes = "http://notes.acme.localhost:8080/";
        for (path, url, listed, told) in [
            ("/apps/acme/notes/", Some("http://x/apps/acme/notes/"), "/apps/acme/notes/", "below"),
            ("/apps/acme/notes/", None, "/apps/acme/notes/", "served below /apps/acme/notes/"),
            ("/", Some(notes), notes, "served at http://notes.acme.localhost:8080/"),
            ("/", None, "-", "served nowhere: its name makes no host name"),
        ] {
            let row = app_at(path, url);
            assert_eq!(super::row(&row)[4], listed);
            assert!(app(&row).contains(told), "{}", app(&row));
        }
    }
}
