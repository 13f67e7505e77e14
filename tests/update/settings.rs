//! A slip in `newleaf.toml` while a host runs, and then an update of core: what starts next would
//! meet it in any version, so no release is blamed, and once it is mended the same one is installed.

use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};

/// A host whose next core is rehearsed, as every host's is.
fn world() -> (World, Host) {
    let settings = HostSettings { rehearsal: "required", ..HostSettings::default() };
    let (world, host) = World::with_host(settings);
    world.registry.publish_core(CoreRelease::Newer);
    (world, host)
}

/// Edits the settings as an admin would; gives what they were.
fn edit(host: &Host, edit: impl FnOnce(&str) -> String) -> String {
    let path = host.dir.join("newleaf.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    let after = edit(&before);
    assert_ne!(after, before, "the template of newleaf.toml changed");
    std::fs::write(&path, after).unwrap();
    before
}

#[test]
fn a_certificate_that_is_not_there_is_not_held_against_a_new_core() {
    let (_world, host) = world();
    let tls = "public_tls = { certificate = \"tls/none.pem\", key = \"tls/none.key\" }";
    let before = edit(&host, |text| text.replace("[listen]\n", &format!("[listen]\n{tls}\n")));
    let ran = host.run(&["update", "core", "--yes"]).assert_code(5);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(host.core_version(), "1.0.0", "{said}");
    assert_eq!(host.get("/board.json").status, 200, "it never stopped");
    assert_eq!(host.state()["bad"], serde_json::json!([]), "{said}");
    edit(&host, |_| before);
    host.run(&["update", "core", "--yes"]).assert_code(0);
    assert_eq!(host.core_version(), "1.1.0");
}

#[test]
fn an_address_that_another_program_has_stands_in_no_updates_way() {
    let (_world, host) = world();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = taken.local_addr().unwrap().to_string();
    edit(&host, |text| text.replace(&host.public.to_string(), &theirs));
    host.run(&["update", "core", "--yes"]).assert_code(0);
    assert_eq!(host.core_version(), "1.1.0");
    assert_eq!(host.get("/board.json").status, 200, "the launcher has its sockets");
    assert_eq!(host.state()["bad"], serde_json::json!([]));
}
