//! One update of core with every wait at its default: what an operator gets who sets nothing.

use newleaf_tests::world::{CoreRelease, HostSettings, World};

#[test]
fn core_is_updated_with_every_setting_at_its_default() {
    let world = World::new();
    world.registry.publish_core(CoreRelease::Newer);
    let host = world.host("host", HostSettings::product_defaults());
    host.run(&["check"]).assert_code(0);
    let began = std::time::Instant::now();
    host.run(&["update", "core", "--yes"]).assert_code(0);
    assert!(began.elapsed().as_secs() >= 60, "probation ended early: {:?}", began.elapsed());
    assert_eq!(host.core_version(), "1.1.0");
    assert_eq!(host.json(&["history"])[0]["ending"], "committed");
}
