//! Versions and channels as text.

use newleaf_domain::version::Step;
use newleaf_plan::{Age, Candidate, Verdict};
use newleaf_update::view::{ChannelView, ReleaseRow, ReleasesView};

use super::freshness;
use super::table::table;

/// Lines of notes that a terminal is given of each version; the portal shows more.
const NOTE_LINES: usize = 4;

/// Every version of one target: date, size, labels, notes, and whether it can be installed.
pub(crate) fn releases(view: &ReleasesView) -> String {
    let runs = view.version.as_ref().map_or("not installed".to_owned(), ToString::to_string);
    let mut parts = vec![format!("{} {runs}, follows {}", view.target, view.channel)];
    parts.extend(view.blocked.clone());
    if view.releases.is_empty() {
        parts.push("no version is known".to_owned());
    }
    parts.extend(view.releases.iter().map(release));
    parts.push(freshness(&view.freshness));
    parts.join("\n\n")
}

fn release(row: &ReleaseRow) -> String {
    let one = &row.candidate;
    let mut text = format!(
        "{}  {}\n  published {}, {}\n  {}",
        one.version,
        labels(one).join(", "),
        one.published,
        one.length,
        verdict(one)
    );
    let notes = row.notes.as_deref().unwrap_or_default().lines().map(str::trim);
    for line in notes.filter(|line| !line.is_empty()).take(NOTE_LINES) {
        text = format!("{text}\n    {line}");
    }
    text
}

/// How far it is, and what a person should know before choosing it.
fn labels(one: &Candidate) -> Vec<&'static str> {
    let step = match (one.age, one.step) {
        (Age::Same, _) => "installed",
        (Age::Newer | Age::Older, Some(Step::Patch)) => "patch",
        (Age::Newer | Age::Older, Some(Step::Minor)) => "minor",
        (Age::Newer | Age::Older, Some(Step::Major)) => "major",
        (Age::Newer | Age::Older, None) => "new",
    };
    let mut labels = vec![step, one.channel.as_str()];
    labels.extend((one.age == Age::Older).then_some("older"));
    labels.extend(one.security.then_some("security"));
    labels.extend(one.breaking.then_some("breaking"));
    labels.extend(one.stepping_stone.then_some("stepping stone"));
    labels
}

/// Whether it can be installed, and how; why not, where not.
pub(crate) fn verdict(one: &Candidate) -> String {
    let through = one.through.iter().map(ToString::to_string).collect::<Vec<_>>().join(", then ");
    let over = if through.is_empty() { String::new() } else { format!(", over {through}") };
    match &one.verdict {
        Verdict::Best => format!("can be installed{over}"),
        Verdict::Possible => format!("can be installed by --version{over}"),
        Verdict::OnRequest { reason } => {
            format!("not offered: {reason}; can be installed by --version")
        }
        Verdict::Refused { reason } if one.age == Age::Same => reason.to_string(),
        Verdict::Refused { reason } => format!("cannot be installed: {reason}"),
    }
}

/// Which channel each target follows.
pub(crate) fn channels(views: &[ChannelView]) -> String {
    let rows = views
        .iter()
        .map(|view| {
            let warning = view.warning.clone().unwrap_or_else(|| "for everyone".to_owned());
            [view.target.to_string(), view.channel.to_string(), warning]
        })
        .collect::<Vec<_>>();
    let mut text = table(["target", "channel", "which is"], &rows);
    for stays in views.iter().filter_map(|view| view.stays.as_ref()) {
        text = format!("{text}\n\nnote: {stays}");
    }
    text
}

/// What one target follows from now on.
pub(crate) fn channel(view: &ChannelView) -> String {
    let mut text = format!("{} follows {}", view.target, view.channel);
    for more in [&view.warning, &view.stays].into_iter().flatten() {
        text = format!("{text}\nnote: {more}");
    }
    text
}
