//! A core whose program is damaged on disk: the same release is brought anew, without a trial.

use newleaf_domain::{Digest, Target, Version};
use newleaf_launcher::journal::Entry;
use newleaf_launcher::state::Origin;
use newleaf_update::port::Launcher as _;
use newleaf_update::port::fake::{Fault, LauncherWay, Point, World};
use newleaf_update::{ExitClass, Explain as _, NotAnew, PlanError};
use serde_json::json;

use crate::story::*;

/// A world in which core 1.1.0 serves, or would, and is damaged; the host beside it does not run.
async fn damaged() -> World {
    let world = World::new();
    world.publisher().core("1.1.0", json!({}));
    world.publish();
    update(&world.start(), &Target::Core).await;
    world.disk.damage_core();
    world
}

fn stopped(world: &World) -> newleaf_update::port::fake::Host {
    let host = world.start();
    host.launcher.set_way(LauncherWay::Absent);
    host
}

#[tokio::test]
async fn a_damaged_core_is_no_newest_one_but_is_told() {
    let world = damaged().await;
    let host = stopped(&world);
    for version in [None, Some(Version::parse("1.1.0").unwrap())] {
        let refused = host.updater.plan(&Target::Core, version).await.unwrap_err();
        assert!(matches!(refused, PlanError::Damaged { .. }), "{refused}");
        assert_eq!(refused.class(), ExitClass::Failed);
        assert!(refused.to_string().contains("damaged on disk"), "{refused}");
        assert!(refused.todo().contains("newleaf update core, with the service stopped"));
    }
}

#[tokio::test]
async fn a_damaged_core_is_brought_anew_without_a_trial_and_the_journal_says_so() {
    let world = damaged().await;
    let host = stopped(&world);
    let before = world.disk.state();
    let told = host.updater.bring_core_anew().await.unwrap().unwrap();
    assert!(told.starts_with("core 1.1.0: its program is damaged on disk"), "{told}");
    assert_eq!(host.updater.core_damage().await, None);
    assert_eq!(world.disk.state(), before);
    let last = host.launcher.records(0).await.unwrap().pop().unwrap();
    assert!(last.update.is_none() && matches!(last.entry, Entry::Notice { text } if text == told));
    assert_eq!(host.updater.bring_core_anew().await.unwrap(), None, "there is nothing left to do");
    let refused = host.updater.plan(&Target::Core, None).await.unwrap_err();
    assert!(matches!(refused, PlanError::UpToDate { .. }), "{refused}");
}

#[tokio::test]
async fn a_core_that_was_made_of_a_bare_file_is_brought_anew_from_the_release_of_its_program() {
    let world = damaged().await;
    world.disk.edit_state(|state| {
        let good = &mut state.core.good;
        (good.digest, good.origin) = (Digest::of(b"core 1.1.0"), Origin::Local);
    });
    world.disk.damage_core();
    let host = stopped(&world);
    assert!(host.updater.bring_core_anew().await.unwrap().is_some());
    assert_eq!(host.updater.core_damage().await, None);
}

#[tokio::test]
async fn a_damaged_core_that_cannot_be_brought_is_refused_with_the_reason_and_the_way_out() {
    let world = damaged().await;
    world.disk.fail(Point::Unpack, Fault::Machine);
    let refused = stopped(&world).updater.bring_core_anew().await.unwrap_err();
    assert!(matches!(refused.why, NotAnew::Bring { .. }), "{refused}");
    world.disk.mend();

    world.repository.disappear();
    world.clock.set(world_now(&world).plus_seconds(3 * 86_400));
    let refused = stopped(&world).updater.bring_core_anew().await.unwrap_err();
    assert!(matches!(refused.why, NotAnew::Check(_)), "{refused}");
    assert!(refused.todo().contains("check the network"), "{}", refused.todo());

    let world = damaged().await;
    world.disk.edit_state(|state| {
        let good = &mut state.core.good;
        (good.digest, good.binary) = (Digest::of(b"gone"), Some(Digest::of(b"gone too")));
    });
    world.disk.damage_core();
    let host = stopped(&world);
    let records = host.launcher.records(0).await.unwrap().len();
    let refused = host.updater.bring_core_anew().await.unwrap_err();
    assert!(matches!(refused.why, NotAnew::NotListed), "{refused}");
    assert!(refused.todo().contains("the very program of core 1.1.0"), "{}", refused.todo());
    assert_eq!(host.launcher.records(0).await.unwrap().len(), records);
}
