//! Plans with all that is read before a yes, and the prerequisites beside them.

use newleaf_domain::version::Step;
use newleaf_domain::{
    AppOrigin, ByteSize, Channel, Digest, Grant, GrantChange, Grants, PackageName, PlanId, Target,
    VersionReq,
};
use newleaf_update::plan::{Because, Change, LeftBehind, Plan, WayOn};
use newleaf_update::port::AppRehearsed;
use newleaf_update::view::{
    ChangeView, DisplayText, Pause, PlanView, Prerequisite, PrerequisiteId, RehearsalNote,
    StalePlan, Standing, UndoOffer,
};

use super::overview::candidates;
use super::word::{ago, notes_target, version};

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
        origin: AppOrigin::Path,
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

pub(super) fn asked_grants() -> Grants {
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
        mark: Some(Digest::of(b"undo")),
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
