//! The small world that the tests tell their stories in.

use newleaf_domain::{PackageName, Target, UpdateId};
use newleaf_update::port::fake::{Host, World};
use newleaf_update::view::Report;
use newleaf_update::{Approval, Consent, Leeway, StartError};
use serde_json::{Value, json};

/// The app of these stories.
pub(crate) fn notes() -> PackageName {
    PackageName::parse("acme/notes").unwrap()
}

/// As what is updated.
pub(crate) fn target() -> Target {
    Target::App(notes())
}

/// What a manifest of notes says: its schema, who can read it, how much it may store.
pub(crate) fn wants(schema: u32, oldest_reader: u32, mib: u64) -> Value {
    let storage = json!({"kind": "storage", "quota": mib << 20, "reason": "to keep your notes"});
    json!({"schema": schema, "oldest_reader": oldest_reader, "migrates_from": 1, "capabilities": [storage]})
}

/// A world whose repository offers notes 1.0.0.
pub(crate) fn world() -> World {
    let world = World::new();
    world.publisher().app("acme/notes", "1.0.0", wants(1, 1, 4));
    world.publish();
    world
}

/// Plans the newest version and says yes to everything.
pub(crate) async fn begin(host: &Host, target: &Target) -> Result<UpdateId, StartError> {
    let view = host.updater.plan(target, None).await?;
    approve(host, view.plan.id, Consent::Given).await
}

/// Says yes to a plan.
pub(crate) async fn approve(
    host: &Host,
    plan: newleaf_domain::PlanId,
    consent: Consent,
) -> Result<UpdateId, StartError> {
    let leeway = Leeway::of_person(consent);
    let approval = Approval::new(plan, consent, "cli:ada".to_owned()).with_leeway(leeway);
    host.updater.start(approval).await
}

/// Updates to the newest version and waits for the end.
pub(crate) async fn update(host: &Host, target: &Target) -> Report {
    let id = begin(host, target).await.unwrap();
    end(host, &id).await
}

/// Waits for the end of an update.
pub(crate) async fn end(host: &Host, id: &UpdateId) -> Report {
    host.updater.finished(id).await.unwrap().unwrap()
}

/// Waits until a host that is to die has died: the task ends, so nobody holds the updater.
pub(crate) async fn until_dead(host: Host) {
    let updater = std::sync::Arc::downgrade(&host.updater);
    drop(host);
    while updater.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}

/// A world in which notes 1.0.0 is installed, holds two notes, and 2.0.0 is on offer.
pub(crate) async fn world_with_update() -> World {
    let world = world();
    let host = world.start();
    assert!(update(&host, &target()).await.exit_class().is_none());
    assert!(host.plugins.write(&notes(), "milk"));
    assert!(host.plugins.write(&notes(), "bread"));
    world.publisher().app("acme/notes", "2.0.0", wants(2, 2, 16));
    world.publish();
    world.clock.set(world_now(&world).plus_seconds(3600));
    world
}

/// What a fake world's clock says.
pub(crate) fn world_now(world: &World) -> newleaf_domain::Timestamp {
    newleaf_domain::Clock::now(&*world.clock)
}

/// The version that serves, by `state`.
pub(crate) fn good(world: &World) -> Option<String> {
    let state = world.disk.state();
    Some(state.apps.get(&notes())?.good.as_ref()?.version.to_string())
}

/// What people wrote.
pub(crate) fn written(world: &World) -> Vec<String> {
    world.disk.data(&notes()).map(|data| data.notes).unwrap_or_default()
}

/// The schema of the data.
pub(crate) fn schema(world: &World) -> u32 {
    world.disk.data(&notes()).map_or(0, |data| data.schema)
}
