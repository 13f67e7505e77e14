//! A host as its overview shows it: well, in trouble, and with something to choose.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use newleaf_domain::version::Step;
use newleaf_domain::{
    ByteSize, Channel, Digest, Edition, Grant, PackageName, Target, UpdateId, VersionReq,
};
use newleaf_update::TrustLevel;
use newleaf_update::journal::StepId;
use newleaf_update::plan::{Age, Candidate, Reason, Verdict, WaitsFor};
use newleaf_update::view::{
    AppRow, ChannelView, CoreCard, DataChoice, Freshness, KeptData, Notice, Offer, Overview,
    ReleaseRow, ReleasesView, RunningUpdate, Severity, ShelfRow, Work,
};

use super::plan::{asked_grants, undo_offer};
use super::word::{ago, notes, notes_target, now, update, version};
use crate::part::names::Names;

fn candidate(target: &Target, text: &str, step: Option<Step>, verdict: Verdict) -> Candidate {
    let days = i64::try_from(text.len()).unwrap() + 3;
    Candidate {
        target: target.clone(),
        version: version(text),
        channel: if version(text).is_prerelease() { Channel::Beta } else { Channel::Stable },
        published: ago(days * 86_400),
        length: ByteSize::kib(1310),
        digest: Digest::of(text.as_bytes()),
        step,
        security: text == "1.1.0",
        breaking: text == "2.0.0",
        age: match version(text).cmp(&version("1.0.0")) {
            Ordering::Less => Age::Older,
            Ordering::Equal => Age::Same,
            Ordering::Greater => Age::Newer,
        },
        stepping_stone: false,
        through: Vec::new(),
        verdict,
    }
}

pub(crate) fn candidates() -> Vec<Candidate> {
    let target = notes_target();
    let refused = |reason| Verdict::Refused { reason };
    let on_request = |reason| Verdict::OnRequest { reason };
    let range = VersionReq::parse(">=2.0.0").unwrap();
    vec![
        candidate(
            &target,
            "3.0.0",
            Some(Step::Major),
            refused(Reason::CoreRange { wanted: range, have: version("1.0.0") }),
        ),
        candidate(
            &target,
            "2.1.0-beta.1",
            Some(Step::Major),
            on_request(Reason::Channel { wanted: Channel::Beta, have: Channel::Stable }),
        ),
        candidate(&target, "2.0.0", Some(Step::Major), Verdict::Best),
        candidate(&target, "1.1.0", Some(Step::Minor), Verdict::Possible),
        candidate(
            &target,
            "1.0.1",
            Some(Step::Patch),
            on_request(Reason::Bad {
                reason: "trapped 4 times in its probation, 3 are allowed".to_owned(),
            }),
        ),
        candidate(&target, "1.0.0", None, refused(Reason::Installed)),
        candidate(
            &target,
            "0.9.0",
            None,
            on_request(Reason::Older { installed: version("1.0.0") }),
        ),
    ]
}

fn offer(text: &str, step: Step) -> Offer {
    Offer {
        version: version(text),
        step: Some(step),
        length: ByteSize::kib(1310),
        published: ago(3 * 86_400),
        security: false,
        breaking: step == Step::Major,
        asks_more: step == Step::Major,
        waits_for: (step == Step::Major).then(|| WaitsFor::Consent {
            asks: vec![Grant::Http { host: "tags.example.com".to_owned() }],
        }),
    }
}

fn core_card() -> CoreCard {
    CoreCard {
        product: "Newleaf".to_owned(),
        version: version("1.0.0"),
        edition: Edition::default(),
        offer: Some(Offer {
            length: ByteSize::mib(18),
            security: true,
            ..offer("1.1.0", Step::Minor)
        }),
        candidates: vec![
            candidate(
                &Target::Core,
                "1.2.0",
                Some(Step::Minor),
                Verdict::OnRequest {
                    reason: Reason::Bad { reason: "it exited with code 1 at start".to_owned() },
                },
            ),
            candidate(&Target::Core, "1.1.0", Some(Step::Minor), Verdict::Best),
        ],
        undo: None,
        channel: Channel::Stable,
    }
}

fn notes_row() -> AppRow {
    AppRow {
        id: notes(),
        name: "Notes".to_owned(),
        summary: "Write things down and find them again.".to_owned(),
        version: Some(version("1.0.0")),
        path: "/apps/acme/notes/".to_owned(),
        url: Some("http://127.0.0.1:8080/apps/acme/notes/".to_owned()),
        serving: true,
        stopped: None,
        offer: Some(offer("2.0.0", Step::Major)),
        candidates: candidates(),
        undo: Some(undo_offer("0.9.0", None)),
        blocked: None,
        grants: asked_grants(),
        disabled: false,
        needed_by: Vec::new(),
        work: Work::default(),
        choice: None,
    }
}

/// Notes as its own page shows it.
pub(crate) fn app_row() -> AppRow {
    notes_row()
}

fn hello_row() -> AppRow {
    AppRow {
        id: PackageName::parse("acme/hello").unwrap(),
        name: "Hello".to_owned(),
        summary: "Says hello.".to_owned(),
        version: Some(version("1.0.0")),
        path: "/apps/acme/hello/".to_owned(),
        url: Some("http://127.0.0.1:8080/apps/acme/hello/".to_owned()),
        offer: None,
        candidates: Vec::new(),
        undo: None,
        ..notes_row()
    }
}

pub(crate) fn names() -> Names {
    [hello_row(), notes_row()]
        .map(|app| (app.id, app.name))
        .into_iter()
        .collect::<BTreeMap<_, _>>()
        .into()
}

fn shelf_row(id: &str, name: &str, summary: &str) -> ShelfRow {
    ShelfRow {
        id: PackageName::parse(id).unwrap(),
        name: name.to_owned(),
        summary: summary.to_owned(),
        level: Some(TrustLevel::Claimed),
        offer: Some(Offer { step: None, ..offer("1.2.0", Step::Minor) }),
        candidates: Vec::new(),
        kept: Vec::new(),
    }
}

pub(crate) fn shelf() -> Vec<ShelfRow> {
    vec![
        shelf_row("acme/calendar", "Calendar", "Appointments of a team, with reminders."),
        ShelfRow {
            offer: None,
            candidates: candidates().into_iter().take(1).collect(),
            ..shelf_row("acme/maps", "Maps", "Finds the way.")
        },
        ShelfRow {
            level: Some(TrustLevel::Fresh),
            kept: vec![KeptData {
                app: PackageName::parse("north/quotes").unwrap(),
                until: Some(now().plus_seconds(4 * 86_400)),
            }],
            ..shelf_row("north/quotes", "Quotes", "A new quotation for every day of the year.")
        },
    ]
}

pub(crate) fn overview() -> Overview {
    Overview {
        sentence: "2 updates are ready.".to_owned(),
        notices: Vec::new(),
        core: core_card(),
        apps: vec![hello_row(), notes_row()],
        running: None,
        freshness: Freshness {
            last_check: Some(ago(540)),
            last_try: Some(ago(540)),
            last_error: None,
            expires: Some(now().plus_seconds(7 * 86_400)),
            off_since: None,
        },
        seq: 5,
    }
}

/// An app stopped, because going back would have lost data.
pub(crate) fn overview_with_a_choice() -> Overview {
    let why = "acme/notes 2.0.0 did not pass its probation: it broke down 4 times, 3 are allowed; \
               going back to 1.0.0 would lose 3 changes made since the switch"
        .to_owned();
    let choice = DataChoice {
        update: UpdateId::parse("1763692200-0123abcd-17").unwrap(),
        why: why.clone(),
        keep: version("2.0.0"),
        back: Some(version("1.0.0")),
    };
    let mut view = overview();
    view.apps[1] = AppRow {
        version: Some(version("2.0.0")),
        serving: false,
        stopped: Some(why),
        offer: None,
        choice: Some(choice),
        ..notes_row()
    };
    view
}

pub(crate) fn troubled_overview() -> Overview {
    let mut view = overview();
    view.sentence = "Notes is being updated.".to_owned();
    view.notices = vec![
        Notice {
            severity: Severity::Warning,
            text: "The repository’s signatures expire in 2 days.".to_owned(),
            todo: Some(
                "Ask who runs the repository whether its signing job still runs.".to_owned(),
            ),
            command: None,
            update: None,
        },
        Notice {
            severity: Severity::Error,
            text: "Newleaf 1.2.0 was rolled back: it exited with code 1 at start.".to_owned(),
            todo: Some("1.0.0 serves as before. 1.2.0 is not offered again by itself.".to_owned()),
            command: Some("newleaf history".to_owned()),
            update: Some(update()),
        },
    ];
    view.running = Some(RunningUpdate {
        id: update(),
        target: notes_target(),
        step: Some(StepId::Fetch),
        interrupted: None,
    });
    view.apps[0].serving = false;
    view.apps[0].stopped = Some("an admin switched it off".to_owned());
    view.apps[1].blocked =
        Some("The role pub.acme expired on 20 Nov 2026; its author must renew it.".to_owned());
    view.freshness.last_error = Some("connect to 127.0.0.1:8090: connection refused".to_owned());
    view
}

pub(crate) fn quiet_overview() -> Overview {
    let mut view = overview();
    view.sentence = "Everything is up to date.".to_owned();
    view.core.offer = None;
    view.core.candidates.clear();
    view.apps.truncate(1);
    view
}

pub(crate) fn releases_view(candidates: &[Candidate]) -> ReleasesView {
    let notes = |one: &Candidate| {
        (one.version.as_str() != "1.0.1").then(|| {
            "### Added\n- Notes have tags, shown as `#word`.\n- A page for each tag.".to_owned()
        })
    };
    let row = |one: &Candidate| ReleaseRow { notes: notes(one), candidate: one.clone() };
    ReleasesView {
        target: notes_target(),
        version: Some(version("1.0.0")),
        channel: Channel::Stable,
        releases: candidates.iter().map(row).collect(),
        blocked: None,
        freshness: overview().freshness,
    }
}

pub(crate) fn channel_view() -> ChannelView {
    ChannelView {
        target: notes_target(),
        channel: Channel::Stable,
        warning: None,
        stays: Some(
            "acme/notes 1.0.0-beta.2 is of the beta channel and stays: leaving a channel takes \
             nothing back."
                .to_owned(),
        ),
    }
}
