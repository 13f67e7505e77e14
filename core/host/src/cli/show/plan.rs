//! Plans, prerequisites and history as text.

use newleaf_domain::{AppOrigin, ByteSize, Grant, GrantChange, Target};
use newleaf_launcher::journal::Ending;
use newleaf_launcher::state::Way;
use newleaf_plan::LeftBehind;
use newleaf_update::view::{
    ChangeView, HistoryEntry, PlanView, Prerequisite, SHARED_ORIGIN, Standing,
};

use super::table::{joined, table};

/// A plan with all a person needs to say yes.
pub(crate) fn plan(view: &PlanView) -> String {
    let mut parts = vec![format!("plan {}", view.plan.id)];
    let hops = view.changes.len();
    if hops > 1 {
        parts.push(format!(
            "{hops} hops, one after the other: each is watched before the next begins, and the first \
             that fails stops the plan on a working version"
        ));
    }
    parts.extend(view.changes.iter().enumerate().map(|(at, each)| {
        let hop = format!("hop {} of {hops}: {}", at + 1, each.change.because);
        change(each, (hops > 1).then_some(hop), view.origin)
    }));
    parts.extend(view.rehearsal.as_ref().map(|note| {
        let each = note.sentences().join("\n  ");
        format!("rehearsed at {}:\n  {each}", note.at)
    }));
    parts.extend(left_behind(&view.left_behind));
    parts.extend(view.pause.as_ref().map(newleaf_update::view::Pause::sentence));
    parts.push(prerequisites(&view.prerequisites));
    parts.join("\n\n")
}

/// The apps that a core leaves behind, with what leads on for each; none where it leaves none.
pub(crate) fn left_behind(apps: &[LeftBehind]) -> Option<String> {
    if apps.is_empty() {
        return None;
    }
    let each = apps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  ");
    Some(format!("does not run on it, and is suspended once you say so:\n  {each}"))
}

fn change(view: &ChangeView, hop: Option<String>, origin: AppOrigin) -> String {
    let change = &view.change;
    let from = change.from.as_ref().map_or("not installed".to_owned(), ToString::to_string);
    let size = Some(format!("{} to download, {} of space", change.length, view.needs));
    let published = Some(format!("{} channel, published {}", change.channel, change.published));
    let mut lines = vec![format!("{}  {from} -> {}", change.target, change.to)];
    lines.extend(hop.map(|hop| format!("  {hop}")));
    lines.push(format!("  {}", joined([size, published])));
    if change.is_downgrade() {
        lines.push(format!(
            "  goes back: the data stays at schema {}, which programs of schema {} and newer can \
             read; {} writes schema {}",
            change.schema.0, change.oldest_reader, change.to, change.writes
        ));
    }
    if change.migrates() {
        let (before, after) = change.schema;
        lines.push(format!("  migrates its data from schema {before} to {after}"));
        lines.extend(change.migrations.iter().map(|text| format!("    {text}")));
    }
    lines.extend(change.breaking.iter().map(|text| format!("  breaking: {text}")));
    lines.extend(change.security.iter().map(|text| format!("  security: {text}")));
    for difference in &view.grants {
        lines.push(format!("  {}", grant(difference)));
        lines.extend(caution(difference).map(|caution| format!("    CAREFUL: {caution}")));
    }
    let kept = change.grants.unchanged_by(&change.grant_changes);
    lines.extend(kept.map(|grant| format!("  as today: {grant}")));
    let shares = origin == AppOrigin::Path && change.target != Target::Core;
    if change.from.is_none() && shares {
        lines.push(format!("  {SHARED_ORIGIN}"));
    }
    if let Some(changelog) = view.text.as_ref().and_then(|text| text.changelog.as_ref()) {
        lines.push(String::new());
        lines
            .extend(changelog.trim().lines().take(CHANGELOG_LINES).map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

/// What to bear in mind before saying yes to more than today.
fn caution(change: &GrantChange) -> Option<&'static str> {
    change.to.as_ref().filter(|_| change.widens).and_then(Grant::caution)
}

/// How much of a changelog a terminal is given; the portal shows all of it.
const CHANGELOG_LINES: usize = 24;

/// A difference of what an app may do, as a sentence.
pub(crate) fn grant(change: &GrantChange) -> String {
    let reason =
        change.reason.as_ref().map_or(String::new(), |reason| format!(", because: {reason}"));
    match (&change.from, &change.to) {
        (Some(from), Some(to)) if change.widens => {
            format!("asks for more: {to}, today: {from}{reason}")
        }
        (Some(from), Some(to)) => format!("asks for less: {to}, today: {from}{reason}"),
        (None, Some(to)) => format!("asks to {to}{reason}"),
        (Some(from), None) => format!("gives up to {from}"),
        (None, None) => "changes nothing".to_owned(),
    }
}

/// Prerequisites, each with its measured value and its remedy.
pub(crate) fn prerequisites(prerequisites: &[Prerequisite]) -> String {
    prerequisites
        .iter()
        .map(|prerequisite| {
            let mark = match prerequisite.standing {
                Standing::Pass => "pass ",
                Standing::Warn => "warn ",
                Standing::Block => "BLOCK",
            };
            let mut text =
                format!("{mark}  {}: {}", prerequisite.id.title(), prerequisite.measured);
            for more in [&prerequisite.remedy, &prerequisite.command].into_iter().flatten() {
                text = format!("{text}\n         {more}");
            }
            text
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// History as a table.
pub(crate) fn history(entries: &[HistoryEntry]) -> String {
    if entries.is_empty() {
        return "no updates yet".to_owned();
    }
    let rows = entries
        .iter()
        .map(|entry| {
            let what = &entry.target;
            let from = what.from.as_ref().map_or("-".to_owned(), ToString::to_string);
            let arrow = match what.way {
                Way::Forward => "->",
                Way::Back => "<-",
            };
            let change = match what.way {
                Way::Forward => format!("{from} {arrow} {}", what.to),
                Way::Back => format!("{} {arrow} {from}", what.to),
            };
            [
                entry.began.to_string(),
                what.target.to_string(),
                change,
                entry.by.clone(),
                ending(entry),
            ]
        })
        .collect::<Vec<_>>();
    table(["began", "target", "versions", "by", "ended"], &rows)
}

fn ending(entry: &HistoryEntry) -> String {
    let word = match entry.ending {
        Some(Ending::Committed) => "committed",
        Some(Ending::Failed) => "failed, nothing changed",
        Some(Ending::Undone) => "undone",
        Some(Ending::RolledBack) => "rolled back",
        Some(Ending::Deferred) => "takes effect at next start",
        None => "running",
    };
    match &entry.reason {
        Some(reason) => format!("{word}: {reason}"),
        None => word.to_owned(),
    }
}

/// Bytes of how many, for a step that downloads.
pub(crate) fn bytes_of(current: u64, total: Option<u64>) -> String {
    let current = ByteSize::bytes(current);
    total.map_or_else(
        || current.to_string(),
        |total| format!("{current} of {}", ByteSize::bytes(total)),
    )
}

#[cfg(test)]
mod tests {
    use newleaf_domain::{Target, Timestamp, UpdateId, Version};
    use newleaf_update::view::{HistoryTarget, PrerequisiteId};

    use super::*;

    #[test]
    fn a_blocked_prerequisite_shows_value_remedy_and_command() {
        let measured = [
            Prerequisite {
                id: PrerequisiteId::Space,
                standing: Standing::Pass,
                measured: "212 MiB free in /srv/newleaf, 96 MiB needed".to_owned(),
                remedy: None,
                command: None,
            },
            Prerequisite {
                id: PrerequisiteId::Write,
                standing: Standing::Block,
                measured: "/srv/newleaf/slots: owner root, mode 0755".to_owned(),
                remedy: Some("let the service user write there".to_owned()),
                command: Some("sudo chown -R newleaf /srv/newleaf/slots".to_owned()),
            },
        ];
        insta::assert_snapshot!(prerequisites(&measured), @r"
        pass   Free space: 212 MiB free in /srv/newleaf, 96 MiB needed
        BLOCK  Write permission: /srv/newleaf/slots: owner root, mode 0755
                 let the service user write there
                 sudo chown -R newleaf /srv/newleaf/slots
        ");
    }

    #[test]
    fn a_wider_grant_is_shown_with_both_values_and_its_reason() {
        let storage = |mib| Grant::Storage { quota: ByteSize::mib(mib) };
        let change = GrantChange {
            from: Some(storage(4)),
            to: Some(storage(16)),
            reason: Some("tags need room".to_owned()),
            widens: true,
        };
        assert_eq!(
            grant(&change),
            "asks for more: store up to 16 MiB, today: store up to 4 MiB, because: tags need room"
        );
    }

    #[test]
    fn an_update_tells_what_each_migration_does_and_an_install_tells_of_none() {
        let view = |from: Option<&str>| {
            let change = serde_json::json!({
                "target": "acme/notes", "from": from, "to": "2.0.0", "step": null, "level": "claimed",
                "path": "apps/acme/notes/2.0.0/notes.zip", "digest": "ab".repeat(32), "length": 1024,
                "channel": "stable", "published": "2026-11-21T02:30:00Z",
                "schema": [from.map_or(0, |_| 1), 2], "oldest_reader": 2, "grants": [],
                "migrations": if from.is_some() { vec!["Tags move to a table."] } else { vec![] },
                "grant_changes": [], "breaking": [], "security": [],
            });
            let change = serde_json::from_value(change).unwrap();
            ChangeView { change, text: None, grants: Vec::new(), needs: ByteSize::kib(4) }
        };
        insta::assert_snapshot!(change(&view(Some("1.0.0")), None, AppOrigin::Path), @r"
        acme/notes  1.0.0 -> 2.0.0
          1 KiB to download, 4 KiB of space · stable channel, published 2026-11-21T02:30:00Z
          migrates its data from schema 1 to 2
            Tags move to a table.
        ");
        let install = change(&view(None), None, AppOrigin::Path);
        assert!(!install.contains("migrates") && install.contains(SHARED_ORIGIN), "{install}");
        let apart = change(&view(None), None, AppOrigin::Subdomain);
        assert!(!apart.contains(SHARED_ORIGIN), "{apart}");
        let mut inside = view(Some("1.0.0"));
        inside.grants = vec![GrantChange {
            from: None,
            to: Some(Grant::Http { host: "127.0.0.1:8081".to_owned() }),
            reason: Some("to fetch".to_owned()),
            widens: true,
        }];
        let told = change(&inside, None, AppOrigin::Path);
        assert!(told.contains("asks to talk to this machine itself, at 127.0.0.1:8081"), "{told}");
        assert!(told.contains("CAREFUL: programs on this machine"), "{told}");
    }

    #[test]
    fn history_reads_in_both_directions() {
        let entry = |way, from: &str, to: &str, ending| HistoryEntry {
            id: UpdateId::parse("1763692200-0123abcd-17").unwrap(),
            target: HistoryTarget {
                target: Target::Core,
                from: Some(Version::parse(from).unwrap()),
                to: Version::parse(to).unwrap(),
                way,
            },
            by: "cli:root".to_owned(),
            began: Timestamp::parse("2026-11-21T02:30:00Z").unwrap(),
            ended: None,
            ending,
            reason: None,
        };
        let entries = [
            entry(Way::Back, "1.1.0", "1.0.0", Some(Ending::Committed)),
            entry(Way::Forward, "1.0.0", "1.1.0", Some(Ending::Committed)),
        ];
        insta::assert_snapshot!(history(&entries), @r"
        BEGAN                 TARGET  VERSIONS        BY        ENDED
        2026-11-21T02:30:00Z  core    1.0.0 <- 1.1.0  cli:root  committed
        2026-11-21T02:30:00Z  core    1.0.0 -> 1.1.0  cli:root  committed
        ");
    }
}
