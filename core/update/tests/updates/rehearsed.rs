//! Apps on a copy of their data: what a rehearsal stops, what it lets a plan say, and how long a
//! switch may take after it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use newleaf_domain::ByteSize;
use newleaf_launcher::journal::{Ending, Outcome, StepId};
use newleaf_update::port::Traffic;
use newleaf_update::port::fake::{Fault, Host, Point, World, quick};
use newleaf_update::view::{Report, StepStanding};
use newleaf_update::{Approval, Consent, ExitClass, Leeway, Rehearsal, Settings, StartError};

use crate::story::*;

/// What the step says of itself.
fn told(report: &Report, step: StepId) -> String {
    let row = report.steps.iter().find(|row| row.step == step).unwrap();
    match &row.standing {
        StepStanding::Over { outcome: Outcome::Done { detail } } => detail.clone(),
        StepStanding::Over { outcome: Outcome::Skipped { why } } => format!("skipped: {why}"),
        StepStanding::Over { outcome: Outcome::Warned { why } } => format!("warned: {why}"),
        StepStanding::Failed { failure } => format!("failed: {}", failure.what),
        StepStanding::Waiting | StepStanding::Running => format!("{:?}", row.standing),
    }
}

/// Says yes to the newest version as far as `leeway` reaches, and waits for the end.
async fn update_with(host: &Host, leeway: Leeway) -> Result<Report, StartError> {
    let plan = host.updater.plan(&target(), None).await?.plan.id;
    let approval = Approval::new(plan, Consent::Given, "ada".to_owned()).with_leeway(leeway);
    let id = host.updater.start(approval).await?;
    Ok(end(host, &id).await)
}

fn is_as_before(world: &World, host: &Host) {
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("1.0.0"));
    assert_eq!((written(world), schema(world)), (vec!["milk".to_owned(), "bread".to_owned()], 1));
}

#[tokio::test]
async fn a_version_that_fails_on_a_copy_never_gets_near_the_data() {
    let world = world_with_update().await;
    let host = world.start();
    let copies = world.disk.snapshots();
    world.disk.fail(Point::Rehearse, Fault::Version);
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Failed), "{report:#?}");
    let told = told(&report, StepId::Rehearse);
    assert!(told.contains("on a copy of its data, acme/notes failed to migrate"), "{told}");
    is_as_before(&world, &host);
    assert_eq!(world.disk.state().bad.len(), 1, "it is offered again");
    assert_eq!(world.disk.snapshots(), copies, "the data itself was copied");
}

/// What is logged in this thread, for as long as the guard lives.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false);
        tracing::subscriber::set_default(subscriber.with_writer(move || log.clone()).finish())
    }

    fn lines_with(&self, part: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(part)).map(str::to_owned).collect()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_rehearsal_that_fails_is_one_line_of_the_log_with_app_versions_and_reason() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Rehearse, Fault::Version);
    let log = Log::default();
    let _listens = log.listen();
    update(&host, &target()).await;
    let lines = log.lines_with("the rehearsal of an app failed");
    let [line] = &lines[..] else { panic!("{lines:?}") };
    for part in [" WARN ", "app=acme/notes", "from=1.0.0", "to=2.0.0", "failed to migrate"] {
        assert!(line.contains(part), "{part:?} is not in {line}");
    }
}

#[tokio::test]
async fn the_settings_may_let_a_version_go_on_that_fails_on_a_copy() {
    let world = world_with_update().await;
    let host = world.start_with(Settings { app_rehearsal: Rehearsal::Warn, ..quick() });
    world.disk.fail(Point::Rehearse, Fault::Version);
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    let told = told(&report, StepId::Rehearse);
    assert!(told.starts_with("warned: not rehearsed to a good end"), "{told}");
}

#[tokio::test]
async fn where_the_copy_does_not_fit_a_person_may_go_on_and_the_host_by_itself_may_not() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.set_app_rehearsal_needs(ByteSize::mib(12 * 1024));
    let report = update_with(&host, Leeway::of_host()).await.unwrap();
    assert_eq!(report.ending, Some(Ending::Failed), "{report:#?}");
    let why = told(&report, StepId::Rehearse);
    assert!(why.contains("not rehearsed: needs 12 GiB, 4 GiB free; so acme/notes is not"), "{why}");
    is_as_before(&world, &host);
    assert!(world.disk.state().bad.is_empty(), "a full disk was held against the version");
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    let why = told(&report, StepId::Rehearse);
    assert_eq!(why, "warned: not rehearsed: needs 12 GiB, 4 GiB free");
}

#[tokio::test]
async fn a_machine_that_fails_in_a_rehearsal_says_nothing_of_the_version() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Rehearse, Fault::Machine);
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Committed));
}

#[tokio::test]
async fn a_short_pause_is_told_in_the_report_and_visitors_just_wait() {
    let world = world_with_update().await;
    let host = world.start();
    let report = update_with(&host, Leeway::of_host()).await.unwrap();
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    let rehearsed = told(&report, StepId::Rehearse);
    assert!(rehearsed.contains("migrated in 30 ms"), "{rehearsed}");
    assert!(rehearsed.contains("requests wait meanwhile and none fails"), "{rehearsed}");
    assert!(told(&report, StepId::Health).ends_with("answers 1 page"));
    assert_eq!(host.plugins.pauses(), []);
}

#[tokio::test]
async fn a_long_pause_wants_a_yes_and_is_told_to_visitors() {
    let world = world_with_update().await;
    let host = world.start();
    let long = Duration::from_mins(4) - Duration::from_millis(15);
    world.disk.set_migration(long, Duration::ZERO);
    // Nothing is known beforehand: it is rehearsed, and stops there.
    let report = update_with(&host, Leeway::of_host()).await.unwrap();
    assert_eq!(report.ending, Some(Ending::Failed), "{report:#?}");
    let why = told(&report, StepId::Rehearse);
    assert!(why.contains("serve nobody for about 4 min, and nobody said yes"), "{why}");
    is_as_before(&world, &host);
    assert!(world.disk.state().bad.is_empty() && host.plugins.pauses().is_empty());
    // From now on the plan says it, and it does not even begin.
    let view = host.updater.plan(&target(), None).await.unwrap();
    assert!(view.announces_a_pause(), "{view:#?}");
    assert_eq!(view.pause.unwrap().expected(), "about 4 min");
    let refused = update_with(&host, Leeway::default()).await.unwrap_err();
    assert!(matches!(refused, StartError::PauseUnannounced { .. }), "{refused}");
    assert_eq!(newleaf_update::Explain::class(&refused), ExitClass::Blocked);
    let report = update_with(&host, Leeway::of_person(Consent::Given)).await.unwrap();
    assert_eq!(report.ending, Some(Ending::Committed), "{report:#?}");
    assert_eq!(host.plugins.pauses(), [Duration::from_mins(4)]);
    assert!(told(&report, StepId::Hold).contains("503 with Retry-After, about 4 min"));
    assert_eq!((written(&world).len(), schema(&world)), (2, 2));
}

#[tokio::test]
async fn more_visitors_than_half_the_waiting_room_make_a_pause_long() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.set_migration(Duration::from_secs(5), Duration::ZERO);
    world.disk.set_traffic(Traffic { peak: 500, room: 4096 });
    let report = update_with(&host, Leeway::of_host()).await.unwrap();
    let why = told(&report, StepId::Rehearse);
    assert!(why.contains("at 500 requests a second"), "{why}");
    world.disk.set_traffic(Traffic { peak: 100, room: 4096 });
    let report = update_with(&host, Leeway::of_host()).await.unwrap();
    assert_eq!(report.ending, Some(Ending::Committed), "a quiet hour makes it short: {report:#?}");
}

#[tokio::test]
async fn a_switch_that_takes_three_times_its_rehearsal_is_taken_back() {
    let world = world_with_update().await;
    let host = world.start_with(Settings { pause_least: Duration::ZERO, ..quick() });
    let (rehearsed, itself) = (Duration::from_millis(30), Duration::from_mins(10));
    world.disk.set_migration(rehearsed, itself);
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::RolledBack), "{report:#?}");
    let why = told(&report, StepId::Migrate);
    assert!(why.contains("was still to migrate its data when 3 times"), "{why}");
    assert!(why.contains("0.045 s were expected"), "{why}");
    is_as_before(&world, &host);
    assert!(world.disk.state().bad.is_empty(), "a slow machine was held against the version");
}

#[tokio::test]
async fn a_page_that_breaks_on_the_data_itself_is_taken_back() {
    let world = world_with_update().await;
    let host = world.start();
    world.disk.fail(Point::Pages, Fault::Version);
    let report = update(&host, &target()).await;
    assert_eq!(report.ending, Some(Ending::RolledBack), "{report:#?}");
    is_as_before(&world, &host);
    assert_eq!(world.disk.state().bad.len(), 1);
}

#[tokio::test]
async fn a_rehearsal_of_an_app_is_no_update_and_its_plan_tells_what_it_showed() {
    let world = world_with_update().await;
    let host = world.start();
    let before = host.updater.history().await.unwrap();
    let note = host.updater.rehearse(&target(), None, "ada").await.unwrap();
    assert!(note.is_good(), "{note:#?}");
    assert!(note.sentences()[1].starts_with("expected pause: less than 1 s"), "{note:#?}");
    let view = host.updater.plan(&target(), None).await.unwrap();
    assert_eq!(view.rehearsal, Some(note));
    assert!(view.pause.is_some() && !view.announces_a_pause());
    assert_eq!(host.updater.history().await.unwrap(), before);
    is_as_before(&world, &host);
    world.disk.fail(Point::Rehearse, Fault::Version);
    let note = host.updater.rehearse(&target(), None, "ada").await.unwrap();
    assert!(!note.is_good() && note.why.unwrap().contains("failed to migrate"));
    assert!(world.disk.state().bad.is_empty(), "what was only tried is held against nobody");
    assert!(host.updater.plan(&target(), None).await.unwrap().pause.is_none());
}

#[tokio::test]
async fn what_is_not_installed_has_nothing_to_be_rehearsed_on() {
    let world = world();
    let refused = world.start().updater.rehearse(&target(), None, "ada").await.unwrap_err();
    assert!(refused.to_string().contains("acme/notes is not installed"), "{refused}");
}
