//! Misuse of one host: two at once, clicks twice, links twice, plans of yesterday, an app that
//! breaks out.

use newleaf_tests::process::Ran;
use newleaf_tests::test_point::TestPoint;
use newleaf_tests::world::{Host, HostSettings, World};

#[test]
fn a_second_host_on_one_folder_is_refused() {
    let world = World::new();
    let host = world.host("host", HostSettings::default());
    let second = Ran::of(&mut host.command(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
    ]));
    assert_eq!(second.code, 6, "{}{}", second.stdout, second.stderr);
    let pid = host.process.pid().as_raw_nonzero().to_string();
    assert!(second.stderr.contains(&pid), "the other host is not named: {}", second.stderr);
    assert_eq!(host.get("/board.json").status, 200);
}

#[test]
fn a_sign_in_link_works_once() {
    let world = World::new();
    let host = world.host("host", HostSettings::default());
    let link = host.sign_in_link();
    let path = link.split_once(&host.admin.to_string()).unwrap().1;
    let origin = format!("http://{}", host.admin);
    let first = host.admin_form(path, "", &origin, None);
    assert_eq!(first.status, 303, "{}", first.body);
    let second = host.admin_form(path, "", &origin, None);
    assert_ne!(second.status, 303, "the link worked twice");
    assert!(second.body.contains("newleaf sign-in-link"), "{}", second.body);
}

#[test]
fn a_double_click_is_answered_with_the_running_update() {
    let world = World::new();
    world.registry.publish_app("tests/apps/notes-1.0.0");
    let (point, inherited) = TestPoint::pair();
    let program = Host::init(
        &world.path("host"),
        &world.registry.url,
        &world.registry.root,
        HostSettings::default(),
    );
    let host = Host::serve_with(&world.path("host"), &program, Some(inherited));
    let plan = host.json(&["plan", "acme/notes"])["plan"]["id"].as_str().unwrap().to_owned();
    let mut first = host.spawn(&["update", "--plan", &plan, "--yes", "--accept-permissions"]);
    point.next_record().unwrap();
    // The update stands still at its first record; the second click comes now.
    let second =
        host.spawn(&["update", "--plan", &plan, "--yes", "--accept-permissions", "--json"]);
    point.go_on();
    let answered = second.wait_for_line("running", std::time::Duration::from_mins(1));
    assert!(answered.contains('-'), "the running id is not said: {answered}");
    // Nobody stands in the way of the records that follow.
    drop(point);
    assert_eq!(first.wait(std::time::Duration::from_mins(1)).code(), Some(0));
}

#[test]
fn a_plan_whose_state_has_moved_on_is_refused_with_the_new_plan() {
    let world = World::new();
    world.registry.publish_app("tests/apps/notes-1.0.0");
    world.registry.publish_app("plugins/hello");
    let host = world.host("host", HostSettings::default());
    let plan = host.json(&["plan", "acme/notes"])["plan"]["id"].as_str().unwrap().to_owned();
    host.run(&["apps", "install", "acme/hello", "--yes"]).assert_code(0);
    let ran = host.run(&["update", "--plan", &plan, "--yes", "--accept-permissions", "--json"]);
    assert_ne!(ran.code, 0, "{}", ran.stdout);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    let problem: serde_json::Value = serde_json::from_str(said.trim()).unwrap();
    assert_eq!(problem["status"], 409, "{problem:#}");
    let new = problem["plan"]["id"].as_str().unwrap();
    assert_ne!(new, plan);
    assert_eq!(problem["link"], format!("/api/v1/plan?id={new}"), "{problem:#}");
}

#[test]
fn a_wider_claim_stops_without_an_explicit_yes() {
    let (world, host) = World::with_host(HostSettings::default());
    world.registry.publish_app("plugins/notes");
    host.run(&["check"]).assert_code(0);
    let ran = host.run(&["update", "acme/notes"]).assert_code(3);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(
        said.contains("4 MiB") && said.contains("16 MiB"),
        "the difference is not said: {said}"
    );
    assert_eq!(host.app_version("acme/notes"), "1.0.0");
    host.run(&["update", "acme/notes", "--yes", "--accept-permissions"]).assert_code(0);
    let grants = |host: &Host| host.state()["apps"]["acme/notes"]["good"]["grants"].to_string();
    assert!(grants(&host).contains("16777216"), "{}", grants(&host));
    host.run(&["rollback", "acme/notes", "--yes"]).assert_code(0);
    assert!(grants(&host).contains("4194304"), "the grant did not go back: {}", grants(&host));
    assert_eq!(host.app_version("acme/notes"), "1.0.0");
}

#[test]
fn an_app_that_runs_attach_is_refused_by_the_database() {
    let world = World::new();
    world.registry.publish_app("tests/apps/attach");
    let host = world.host("host", HostSettings::default());
    host.run(&["apps", "install", "acme/attach", "--yes"]).assert_code(0);
    let answer = host.get("/apps/acme/attach/");
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert!(answer.body.starts_with("refused:"), "{}", answer.body);
}
