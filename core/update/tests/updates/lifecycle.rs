//! An app's whole life: removed with its data kept or set aside, taken up again, needed by others,
//! left behind by a core and back by itself.

use newleaf_domain::{PackageName, Target};
use newleaf_launcher::journal::Ending;
use newleaf_plan::WayOn;
use newleaf_update::port::fake::{Host, LauncherWay, World};
use newleaf_update::{
    AppData, Approval, BY_ITSELF, Consent, ExitClass, Explain as _, PutBackError, StartError,
};
use serde_json::json;

use crate::story::*;

const DAY: i64 = 86_400;

fn later(world: &World, seconds: i64) {
    world.clock.set(world_now(world).plus_seconds(seconds));
    world.publish();
}

#[tokio::test]
async fn deleted_data_is_set_aside_until_its_date_and_can_be_put_back() {
    let world = world_with_update().await;
    let host = world.start();
    host.updater.remove(&notes(), AppData::Erase).await.unwrap();
    assert_eq!((good(&world), written(&world).len()), (None, 0));
    let kept = host.updater.kept_data().await;
    assert_eq!(kept[0].until, Some(world_now(&world).plus_seconds(7 * DAY)));
    host.updater.put_back(&notes(), "ada").await.unwrap();
    assert_eq!(written(&world), ["milk", "bread"]);
    let again = host.updater.put_back(&notes(), "ada").await.unwrap_err();
    assert!(matches!(again, PutBackError::InPlace { .. }), "{again}");
    // The next install goes on with it.
    assert_eq!(update(&host, &target()).await.ending, Some(Ending::Committed));
    assert_eq!((written(&world).len(), schema(&world)), (2, 2));
    let under_it = host.updater.put_back(&notes(), "ada").await.unwrap_err();
    assert!(matches!(under_it, PutBackError::Installed { .. }), "{under_it}");
}

#[tokio::test]
async fn what_is_set_aside_goes_at_its_date() {
    let world = world_with_update().await;
    let host = world.start();
    host.updater.remove(&notes(), AppData::Erase).await.unwrap();
    later(&world, 7 * DAY + 1);
    assert!(host.updater.kept_data().await.is_empty());
    let gone = host.updater.put_back(&notes(), "ada").await.unwrap_err();
    assert!(matches!(gone, PutBackError::Nothing { .. }), "{gone}");
}

#[tokio::test]
async fn a_clock_that_jumps_takes_nothing_for_due() {
    let world = world_with_update().await;
    let host = world.start();
    host.updater.remove(&notes(), AppData::Erase).await.unwrap();
    world.ground.jump(30 * DAY);
    host.updater.tidy().await.unwrap();
    world.ground.jump(-30 * DAY);
    host.updater.put_back(&notes(), "ada").await.unwrap();
    assert_eq!(written(&world), ["milk", "bread"]);
}

/// A world in which `acme/base` 1.0.0 is installed, and `acme/top`, which needs `<2.0.0` of it, is
/// offered.
fn world_with_two() -> (World, Host) {
    let world = World::new();
    world.publisher().app("acme/base", "1.0.0", json!({}));
    let needs = json!({ "dependencies": { "acme/base": "<2.0.0" } });
    world.publisher().app("acme/top", "1.0.0", needs);
    world.publish();
    let host = world.start();
    (world, host)
}

fn app(name: &str) -> Target {
    Target::App(PackageName::parse(name).unwrap())
}

#[tokio::test]
async fn an_app_is_installed_after_those_it_needs_and_they_stay_while_it_does() {
    let (world, host) = world_with_two();
    let refused = host.updater.plan(&app("acme/top"), None).await.unwrap_err();
    assert!(
        refused.to_string().contains("needs acme/base <2.0.0, which is not installed"),
        "{refused}"
    );
    assert_eq!(refused.class(), ExitClass::Blocked);
    for name in ["acme/base", "acme/top"] {
        assert!(update(&host, &app(name)).await.exit_class().is_none(), "{name}");
    }

    let base = PackageName::parse("acme/base").unwrap();
    for data in [AppData::Keep, AppData::Erase] {
        let needed = host.updater.remove(&base, data).await.unwrap_err();
        assert_eq!(needed.to_string(), "acme/base is needed by acme/top (<2.0.0)");
        assert!(needed.todo().contains("newleaf apps remove acme/top"), "{}", needed.todo());
    }
    let row = host.updater.overview().await.unwrap().apps.remove(0);
    assert_eq!(row.needed_by[0].as_str(), "acme/top");

    // A version that the other could not use is not offered, with the reason.
    world.publisher().app("acme/base", "2.0.0", json!({}));
    later(&world, 3600);
    let refused = host.updater.plan(&app("acme/base"), None).await.unwrap_err();
    assert!(refused.to_string().contains("acme/top needs <2.0.0 of it"), "{refused}");
    host.updater.remove(&PackageName::parse("acme/top").unwrap(), AppData::Keep).await.unwrap();
    assert!(update(&host, &app("acme/base")).await.exit_class().is_none());
}

/// A world in which notes 1.0.0, which runs below core 1.1.0 only, is installed and holds two notes;
/// core 1.1.0 is offered.
async fn world_with_notes_left_behind() -> (World, Host) {
    let world = World::new();
    publish_notes(&world, "1.0.0", "<1.1.0", 4);
    world.publish();
    let host = world.start();
    assert!(update(&host, &target()).await.exit_class().is_none());
    assert!(host.plugins.write(&notes(), "milk"));
    world.publisher().core("1.1.0", json!({}));
    later(&world, 3600);
    host.updater.check().await.unwrap();
    (world, host)
}

fn publish_notes(world: &World, version: &str, core: &str, mib: u64) {
    let mut said = wants(1, 1, mib);
    said["core"] = core.into();
    world.publisher().app("acme/notes", version, said);
}

async fn core_plan(host: &Host) -> newleaf_update::view::PlanView {
    host.updater.plan(&Target::Core, None).await.unwrap()
}

/// Updates core although apps are suspended; the host of the new core.
async fn go_on(world: &World, host: &Host) -> Host {
    let plan = core_plan(host).await.plan.id;
    let yes = Approval::new(plan, Consent::NotGiven, "ada".to_owned()).suspending(Consent::Given);
    let id = host.updater.start(yes).await.unwrap();
    assert!(end(host, &id).await.exit_class().is_none());
    let host = world.start();
    host.plugins.suspend(&notes(), "suspended: it needs core <1.1.0, this is 1.1.0");
    host.updater.check().await.unwrap();
    host
}

#[tokio::test]
async fn a_core_that_leaves_an_app_behind_says_so_before_anything_begins() {
    let (world, host) = world_with_notes_left_behind().await;
    let view = core_plan(&host).await;
    assert_eq!(view.left_behind[0].way, WayOn::Unknown);
    let refused = approve(&host, view.plan.id, Consent::Given).await.unwrap_err();
    let StartError::LeavesBehind { apps } = &refused else { panic!("{refused}") };
    assert_eq!(apps.len(), 1);
    assert!(
        refused.to_string().starts_with("1 app does not run on it: acme/notes 1.0.0"),
        "{refused}"
    );
    assert!(refused.todo().contains("--suspend-apps"), "{}", refused.todo());
    assert_eq!(world.disk.state().core.good.version.as_str(), "1.0.0");

    // A version that runs on both is named as the way without a stop.
    publish_notes(&world, "1.1.0", ">=1.0.0", 4);
    publish_notes(&world, "2.0.0", ">=1.1.0", 4);
    later(&world, 3600);
    host.updater.check().await.unwrap();
    let WayOn::Before { version } = core_plan(&host).await.left_behind.remove(0).way else {
        panic!("no bridge")
    };
    assert_eq!(version.as_str(), "1.1.0");
    assert!(update(&host, &target()).await.exit_class().is_none());
    assert!(core_plan(&host).await.left_behind.is_empty());
}

#[tokio::test]
async fn a_suspended_app_comes_back_by_itself_with_the_first_version_that_fits() {
    let (world, host) = world_with_notes_left_behind().await;
    let host = go_on(&world, &host).await;
    assert_eq!(host.updater.by_itself().await, None);
    let row = host.updater.overview().await.unwrap().apps.remove(0);
    assert!(!row.serving && row.stopped.unwrap().starts_with("suspended"));
    assert_eq!(written(&world), ["milk"]);

    publish_notes(&world, "2.0.0", ">=1.1.0", 4);
    later(&world, 3600);
    host.updater.check().await.unwrap();
    // The worker before may still finish: its end is waited for.
    host.launcher.set_way(LauncherWay::Drains);
    let updater = host.updater.clone();
    let mut begins = tokio::spawn(async move { updater.by_itself().await });
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), &mut begins).await;
    assert!(early.is_err(), "it did not wait: {early:?}");
    host.launcher.set_way(LauncherWay::Commits);
    let id = begins.await.unwrap().unwrap();
    let report = end(&host, &id).await;
    assert!(report.exit_class().is_none(), "{report:#?}");
    assert_eq!(report.by, BY_ITSELF);
    assert_eq!(host.plugins.serves(&notes()).as_deref(), Some("2.0.0"));
    assert_eq!(written(&world), ["milk"]);
}

#[tokio::test]
async fn a_suspended_app_whose_next_version_asks_for_more_waits_for_a_yes() {
    let (world, host) = world_with_notes_left_behind().await;
    let host = go_on(&world, &host).await;
    publish_notes(&world, "2.0.0", ">=1.1.0", 16);
    later(&world, 3600);
    host.updater.check().await.unwrap();
    assert_eq!(host.updater.by_itself().await, None);
    let offer = host.updater.overview().await.unwrap().apps.remove(0).offer.unwrap();
    assert!(offer.waits_for.unwrap().to_string().contains("store up to 16 MiB"));
}
