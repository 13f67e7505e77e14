//! One complete value of everything that a page shows, for tests and for looking at the pages.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use newleaf_domain::version::Step;
use newleaf_domain::{
    ByteSize, Channel, Digest, Edition, Grant, GrantChange, Grants, PackageName, PlanId, Target,
    Timestamp, UpdateId, Version, VersionReq,
};
use newleaf_update::TrustLevel;
use newleaf_update::journal::{Ending, Failure, Outcome, StepId};
use newleaf_update::plan::{
    Age, Because, Candidate, Change, LeftBehind, Plan, Reason, Verdict, WaitsFor, WayOn,
};
use newleaf_update::port::AppRehearsed;
use newleaf_update::state::Way;
use newleaf_update::view::{
    AppRow, ChangeView, ChannelView, CoreCard, DataChoice, DisplayText, Freshness, HistoryEntry,
    HistoryTarget, Hop, Journey, JourneyStanding, KeptData, Notice, Offer, Overview, Pause,
    PlanView, Prerequisite, PrerequisiteId, Progress, RehearsalNote, ReleaseRow, ReleasesView,
    Report, RunningUpdate, Severity, ShelfRow, StalePlan, Standing, StepReport, StepStanding,
    UndoOffer, Unit, Work,
};

use crate::gate::SignedIn;
use crate::part::names::Names;
use crate::product::ProductFace;
use crate::store::Session;
use crate::token::Secret;

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T02:30:00Z").unwrap()
}

fn ago(seconds: i64) -> Timestamp {
    now().plus_seconds(-seconds)
}

pub(crate) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

fn notes() -> PackageName {
    PackageName::parse("acme/notes").unwrap()
}

pub(crate) fn notes_target() -> Target {
    Target::App(notes())
}

pub(crate) fn product() -> ProductFace {
    ProductFace {
        name: "Newleaf".to_owned(),
        version: version("1.0.0"),
        public_address: Some("http://127.0.0.1:8080".to_owned()),
    }
}

pub(crate) fn secret() -> Secret {
    Secret::from_bytes([7; 32])
}

pub(crate) fn reader() -> SignedIn {
    let session = Session {
        key: secret().key(),
        account: "admin".to_owned(),
        began: ago(600),
        expires: now().plus_seconds(3600),
    };
    SignedIn::new(session, &secret())
}

pub(crate) fn update() -> UpdateId {
    UpdateId::new(ago(12), &PlanId::of(Digest::of(b"plan")), 41)
}

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
    view.sentence = "acme/notes is being updated.".to_owned();
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

fn grant_changes() -> Vec<GrantChange> {
    vec![
        GrantChange {
            from: Some(Grant::Storage { quota: ByteSize::mib(4) }),
            to: Some(Grant::Storage { quota: ByteSize::mib(16) }),
            reason: Some("Tags and their index need room beside the notes.".to_owned()),
            widens: true,
        },
        GrantChange {
            from: Some(Grant::Http { host: "fonts.example.com".to_owned() }),
            to: None,
            reason: None,
            widens: false,
        },
    ]
}

fn change() -> Change {
    Change {
        target: notes_target(),
        from: Some(version("1.0.0")),
        to: version("2.0.0"),
        step: Some(Step::Major),
        path: "apps/acme/notes/2.0.0/notes.zip".to_owned(),
        digest: Digest::of(b"notes"),
        length: ByteSize::kib(1310),
        channel: Channel::Stable,
        published: ago(3 * 86_400),
        level: None,
        schema: (1, 2),
        writes: 2,
        because: Because::Goal,
        oldest_reader: 2,
        migrations: vec![
            "Tags move from a column of each note to a table of their own.".to_owned(),
        ],
        grants: Grants::from(vec![Grant::Storage { quota: ByteSize::mib(16) }]),
        grant_changes: grant_changes(),
        breaking: vec!["Links to a tag’s page have a new address.".to_owned()],
        security: Vec::new(),
    }
}

pub(crate) fn plan() -> Plan {
    Plan { id: PlanId::of(Digest::of(b"plan")), created: ago(30), seq: 5, changes: vec![change()] }
}

fn holds(id: PrerequisiteId, measured: &str) -> Prerequisite {
    Prerequisite {
        id,
        standing: Standing::Pass,
        measured: measured.to_owned(),
        remedy: None,
        command: None,
    }
}

pub(crate) fn prerequisites() -> Vec<Prerequisite> {
    vec![
        holds(
            PrerequisiteId::Write,
            "9 folders below /srv/newleaf: create, fsync, rename and delete work",
        ),
        holds(PrerequisiteId::Space, "41.2 GiB free in /srv/newleaf, 9.5 MiB needed"),
        holds(PrerequisiteId::Inodes, "2,611,340 free, 64 needed"),
        holds(PrerequisiteId::Repository, "https://registry.example.com answered in 41 ms"),
        holds(PrerequisiteId::Signatures, "in force until 2026-11-28T02:30:00Z"),
        holds(PrerequisiteId::CoreRange, "notes 2.0.0 needs core >=1.0.0, this is 1.0.0"),
        holds(PrerequisiteId::Filesystem, "ext4, local"),
        holds(PrerequisiteId::Busy, "no other update runs"),
    ]
}

pub(crate) fn blocked_prerequisites() -> Vec<Prerequisite> {
    let mut all = prerequisites();
    all[0] = Prerequisite {
        id: PrerequisiteId::Write,
        standing: Standing::Block,
        measured: "/srv/newleaf/slots belongs to root with mode 0755, this process is uid 998"
            .to_owned(),
        remedy: Some("Give the folder to the user that runs the product.".to_owned()),
        command: Some("sudo chown -R newleaf: /srv/newleaf/slots".to_owned()),
    };
    all[4].standing = Standing::Warn;
    all[4].measured = "in force until 2026-11-23T02:30:00Z, 2 days from now".to_owned();
    all
}

pub(crate) fn plan_view() -> PlanView {
    PlanView {
        plan: plan(),
        changes: vec![ChangeView {
            change: change(),
            text: Some(DisplayText {
                name: "Notes".to_owned(),
                summary: "Write things down and find them again.".to_owned(),
                changelog: Some(
                    "## 2.0.0\n\nTags have their own page now, and every note keeps the ones it has.\n\n\
                     - A note can have any number of tags\n- Search finds `#tag`\n\n\
                     ## 1.1.0\n\n- Search through all notes"
                        .to_owned(),
                ),
            }),
            grants: grant_changes(),
            needs: ByteSize::kib(9728),
        }],
        prerequisites: prerequisites(),
        candidates: candidates(),
        rehearsal: None,
        pause: None,
        left_behind: Vec::new(),
    }
}

/// The plan of an app that is not installed.
pub(crate) fn install_view() -> PlanView {
    let mut view = plan_view();
    for change in [&mut view.plan.changes[0], &mut view.changes[0].change] {
        (change.from, change.step) = (None, None);
        change.schema.0 = 0;
        change.breaking.clear();
        change.migrations.clear();
        change.grant_changes = install_grants();
        change.grants = asked_grants();
    }
    view.changes[0].grants = install_grants();
    view
}

fn asked_grants() -> Grants {
    install_grants().into_iter().filter_map(|change| change.to).collect::<Vec<_>>().into()
}

fn install_grants() -> Vec<GrantChange> {
    let new = |to: Grant, reason: &str| GrantChange {
        from: None,
        to: Some(to),
        reason: Some(reason.to_owned()),
        widens: true,
    };
    vec![
        new(Grant::Storage { quota: ByteSize::mib(16) }, "To keep your notes."),
        new(
            Grant::Http { host: "tags.example.com".to_owned() },
            "To suggest tags that others use.",
        ),
    ]
}

/// A plan of core that leaves apps behind.
pub(crate) fn leaving_view() -> PlanView {
    let mut view = plan_view();
    for change in [&mut view.plan.changes[0], &mut view.changes[0].change] {
        change.target = Target::Core;
        change.grant_changes.clear();
        change.breaking.clear();
        change.migrations.clear();
        change.schema = (1, 1);
    }
    view.changes[0].grants.clear();
    let left = |app: &str, way| LeftBehind {
        app: PackageName::parse(app).unwrap(),
        version: version("1.0.0"),
        wanted: VersionReq::parse("<2.0.0").unwrap(),
        way,
    };
    view.left_behind = vec![
        left("acme/notes", WayOn::Before { version: version("1.2.0") }),
        left("acme/polls", WayOn::After { version: version("2.0.0") }),
        left("acme/hello", WayOn::Unknown),
    ];
    view
}

/// What going back to `to` means.
pub(crate) fn undo_offer(to: &str, loses: Option<&str>) -> UndoOffer {
    UndoOffer {
        version: version(to),
        loses: loses.map(str::to_owned),
        until: None,
        grants: vec![GrantChange {
            from: Some(Grant::Storage { quota: ByteSize::mib(16) }),
            to: Some(Grant::Storage { quota: ByteSize::mib(4) }),
            reason: None,
            widens: false,
        }],
        left_behind: Vec::new(),
    }
}

/// The same, rehearsed: with a pause that is announced.
pub(crate) fn rehearsed_plan_view() -> PlanView {
    let rehearsed = AppRehearsed {
        copied: ByteSize::mib(412),
        copy_ms: 1893,
        snapshot_ms: 640,
        migrate_ms: 228_210,
        health_ms: 24,
        pages: vec!["/apps/acme/notes/".to_owned(), "/apps/acme/notes/new".to_owned()],
    };
    let view = plan_view();
    let first = &view.plan.changes[0];
    let note = RehearsalNote {
        target: first.target.clone(),
        version: first.to.clone(),
        digest: first.digest,
        from: version("1.1.0"),
        at: view.plan.created,
        rehearsed: None,
        app: Some(rehearsed),
        why: None,
        apps: 0,
        broken: Vec::new(),
    };
    let announced = "visitors are made to wait for about 20 s at the most".to_owned();
    let pause = Pause { expected_ms: 228_874, announced: Some(announced) };
    PlanView { rehearsal: Some(note), pause: Some(pause), ..view }
}

pub(crate) fn stale_plan() -> StalePlan {
    StalePlan {
        why: "it was made for state 5, the state is now 7".to_owned(),
        target: notes_target(),
        replacement: Some(plan()),
    }
}

fn waiting(step: StepId) -> StepReport {
    StepReport {
        step,
        standing: StepStanding::Waiting,
        progress: None,
        started: None,
        finished: None,
        undoable: step.undoable(),
    }
}

fn over(step: StepId, outcome: Outcome) -> StepReport {
    StepReport {
        standing: StepStanding::Over { outcome },
        started: Some(ago(10)),
        finished: Some(ago(8)),
        ..waiting(step)
    }
}

fn done(step: StepId, detail: &str) -> StepReport {
    over(step, Outcome::Done { detail: detail.to_owned() })
}

/// A report of an update of notes that waits at its first step.
fn began() -> Report {
    Report {
        id: update(),
        target: notes_target(),
        from: Some(version("1.0.0")),
        to: version("2.0.0"),
        plan: PlanId::of(Digest::of(b"plan")),
        way: Way::Forward,
        by: "admin".to_owned(),
        began: ago(12),
        ended: None,
        ending: None,
        reason: None,
        steps: StepId::APP.into_iter().map(waiting).collect(),
        seq: 42,
        interrupted: None,
    }
}

pub(crate) fn running() -> Report {
    let mut report = began();
    report.steps[0] = done(StepId::Check, "8 prerequisites hold");
    report.steps[1].standing = StepStanding::Running;
    report.steps[1].started = Some(ago(8));
    report.steps[1].progress =
        Some(Progress { current: 734_003, total: Some(1_341_440), unit: Unit::Bytes });
    report.seq = 45;
    report
}

pub(crate) fn interrupted() -> Report {
    let why = "the launcher refused: the host could not write it down: append to journal.jsonl: \
               No space left on device";
    Report { interrupted: Some(why.to_owned()), ..running() }
}

fn all_done() -> Report {
    let mut report = began();
    let why = |text: &str| text.to_owned();
    for step in &mut report.steps {
        *step = done(step.step, "");
    }
    report.steps[1] = done(StepId::Fetch, "1.3 MiB in 2 s");
    report.steps[4] =
        over(StepId::Rehearse, Outcome::Skipped { why: why("needs 12 GiB, 4 GiB free") });
    report.steps[6] =
        over(StepId::Hold, Outcome::Warned { why: why("one request still ran after 20 s") });
    report.steps[8] = done(StepId::Migrate, "schema 1 → 2 in 34 ms");
    report
}

pub(crate) fn committed() -> Report {
    Report { ended: Some(now()), ending: Some(Ending::Committed), seq: 70, ..all_done() }
}

pub(crate) fn rolled_back() -> Report {
    let mut report = all_done();
    let failed = report.steps.iter().position(|step| step.step == StepId::Health).unwrap();
    for step in &mut report.steps[failed + 1..] {
        *step = waiting(step.step);
    }
    report.steps[failed].standing = StepStanding::Failed {
        failure: Failure {
            what: "notes 2.0.0 said it is not well: 3 notes have lost their tags".to_owned(),
            done:
                "The data was put back from the snapshot taken before, and 1.0.0 took over again; \
                   no request failed"
                    .to_owned(),
            todo: "Keep 1.0.0 and tell the author. To see the whole log: `newleaf history --json`"
                .to_owned(),
            cause: newleaf_update::journal::Cause::Release,
        },
    };
    report.steps.push(done(StepId::Rollback, "snapshot put back in 12 ms"));
    report.ended = Some(now());
    report.ending = Some(Ending::RolledBack);
    report.reason = Some("notes 2.0.0 said it is not well".to_owned());
    report
}

pub(crate) fn undone() -> Report {
    Report {
        ended: Some(now()),
        ending: Some(Ending::Undone),
        reason: Some("the host was stopped while the package was downloaded".to_owned()),
        ..began()
    }
}

fn entry(target: Target, from: &str, to: &str, ending: Option<Ending>, days: i64) -> HistoryEntry {
    let began = ago(days * 86_400 + 70);
    HistoryEntry {
        id: UpdateId::new(began, &PlanId::of(Digest::of(to.as_bytes())), 12),
        target: HistoryTarget {
            target,
            from: Some(version(from)),
            to: version(to),
            way: if version(from) > version(to) { Way::Back } else { Way::Forward },
        },
        by: "admin".to_owned(),
        began,
        ended: ending.map(|_| ago(days * 86_400)),
        ending,
        reason: (ending == Some(Ending::RolledBack))
            .then(|| "it exited with code 1 at start".to_owned()),
    }
}

pub(crate) fn history() -> Vec<HistoryEntry> {
    vec![
        entry(notes_target(), "1.0.0", "2.0.0", None, 0),
        entry(Target::Core, "1.0.0", "1.2.0", Some(Ending::RolledBack), 1),
        entry(notes_target(), "1.1.0", "1.0.0", Some(Ending::Committed), 2),
        entry(notes_target(), "0.9.0", "1.0.0", Some(Ending::Committed), 9),
        entry(Target::Core, "0.9.0", "1.0.0", Some(Ending::Deferred), 30),
    ]
}

/// A plan of three hops, of which the second is over.
pub(crate) fn journey() -> Journey {
    let hop = |from: &str, to: &str, because, update: Option<UpdateId>| Hop {
        from: Some(version(from)),
        to: version(to),
        because,
        ending: update.as_ref().map(|_| Ending::Committed),
        update,
    };
    let before = UpdateId::new(ago(90), &PlanId::of(Digest::of(b"plan")), 12);
    let (range, have) = (VersionReq::parse(">=2.0.0").unwrap(), version("1.5.0"));
    let reason = Reason::CoreRange { wanted: range, have };
    let bridge = Because::Bridge { next: Box::new(version("3.0.0")), reason: Box::new(reason) };
    Journey {
        plan: PlanId::of(Digest::of(b"plan")),
        target: notes_target(),
        hops: vec![
            hop("1.0.0", "1.5.0", Because::SteppingStone, Some(before)),
            hop("1.5.0", "2.0.0", bridge, Some(update())),
            hop("2.0.0", "3.0.0", Because::Goal, None),
        ],
        standing: JourneyStanding::UnderWay,
    }
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
