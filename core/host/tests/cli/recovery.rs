//! The recovery page as a process: who may open it, what it tells and what it does.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use newleaf_launcher::{Layout, state_file};

use crate::place::Place;
use crate::serving::{Host, get};

/// Sends a request with these head lines and this body.
fn ask(address: &str, method: &str, path: &str, head: &str, body: &str) -> String {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{head}\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The program of the version that should run, moved away, and what stands where the launcher would
/// put its own in its place: nothing can be started.
fn without_its_program(place: &Place) -> (PathBuf, PathBuf) {
    let layout = Layout::new(place.dir());
    let program = layout.program(&state_file::read(&layout).unwrap().core.good);
    let aside = place.dir().with_extension("aside");
    std::fs::rename(&program, &aside).unwrap();
    std::fs::create_dir(program.with_extension("mended")).unwrap();
    (program, aside)
}

/// A host whose recovery page is open.
fn in_recovery() -> (Host, PathBuf, PathBuf) {
    let place = Place::with_host();
    let (program, aside) = without_its_program(&place);
    let host = Host::start_in(place);
    // The answer comes once somebody takes it: the launcher holds the listener meanwhile.
    assert_eq!(status(&host.get("/")), 503);
    (host, program, aside)
}

/// Opens the page by a new link; gives the cookie.
fn open(host: &Host) -> String {
    let said = host.place.run(&["recovery-link"]);
    assert_eq!(said.code, 0, "{said:?}");
    let link = said.out.split_whitespace().next().unwrap();
    let path = link.strip_prefix(&format!("http://{}", host.admin)).unwrap();
    assert_eq!(status(&get(&host.admin, path)), 200, "a look uses nothing up");
    for origin in ["", "origin: http://evil.example.com\r\n"] {
        assert_eq!(status(&ask(&host.admin, "POST", path, origin, "")), 403, "{origin:?}");
    }
    let own = format!("origin: http://{}\r\n", host.admin);
    let opened = ask(&host.admin, "POST", path, &own, "");
    assert_eq!(status(&opened), 303, "{opened}");
    assert_eq!(status(&ask(&host.admin, "POST", path, &own, "")), 410, "it worked twice");
    let cookie = opened.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    format!("cookie: {}\r\n", cookie.split(';').next().unwrap())
}

#[test]
fn strangers_are_told_nothing_and_a_link_opens_the_page_once() {
    let (host, program, aside) = in_recovery();
    let closed = get(&host.admin, "/");
    assert_eq!(status(&closed), 503);
    assert!(closed.contains("newleaf recovery-link"), "{closed}");
    for told in ["damaged", "1.0.0", "form_token", &program.display().to_string()] {
        assert!(!closed.contains(told), "a stranger is told {told}:\n{closed}");
    }
    assert_eq!(status(&get(&host.admin, "/recovery/support-bundle")), 503);

    let cookie = open(&host);
    let page = ask(&host.admin, "GET", "/", &cookie, "");
    assert_eq!(status(&page), 503);
    assert!(page.contains("Newleaf 1.0.0 does not come up"), "{page}");
    assert!(page.contains("damaged on disk") && page.contains("there is no version before"));
    assert!(!page.contains("<script") && page.contains("content-security-policy"), "{page}");
    let archive = ask(&host.admin, "GET", "/recovery/support-bundle", &cookie, "");
    assert!(archive.contains("application/x-tar") && archive.contains("ustar"), "{archive}");

    let own = format!("origin: http://{}\r\n{cookie}", host.admin);
    let wrong = "form_token=0";
    assert_eq!(status(&ask(&host.admin, "POST", "/recovery/again", &own, wrong)), 403);
    let token = page.split("name=\"form_token\" value=\"").nth(1).unwrap();
    let form = format!("form_token={}", token.split('"').next().unwrap());
    let refused = ask(&host.admin, "POST", "/recovery/again", &cookie, &form);
    assert_eq!(status(&refused), 403, "a form without an origin was taken");

    std::fs::rename(aside, program).unwrap();
    assert_eq!(status(&ask(&host.admin, "POST", "/recovery/again", &own, &form)), 303);
    while !host.get("/").contains("No apps are installed yet") {}
    let said = host.place.run(&["recovery-link"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("newleaf sign-in-link"), "{said:?}");
    assert_eq!(host.stop(), Some(0));
}

/// A running host whose database becomes what `damage` makes of it, and whose worker then ends.
fn with_lost_database(damage: impl FnOnce(&Path)) -> Host {
    let host = Host::start();
    assert!(host.get("/").contains("No apps are installed yet"));
    let said = host.place.run(&["snapshot", "create"]);
    assert_eq!(said.code, 0, "{said:?}");
    for part in ["-wal", "-shm"] {
        // Neither is there where all was written back.
        drop(std::fs::remove_file(host.place.dir().join(format!("newleaf.db{part}"))));
    }
    damage(&host.place.dir().join("newleaf.db"));
    let worker = rustix::process::Pid::from_raw(host.worker().parse().unwrap()).unwrap();
    rustix::process::kill_process(worker, rustix::process::Signal::KILL).unwrap();
    while status(&host.get("/")) != 503 {}
    host
}

#[test]
fn the_recovery_page_names_a_database_that_is_gone_and_the_line_that_puts_it_back() {
    let host = with_lost_database(|file| std::fs::remove_file(file).unwrap());
    let cookie = open(&host);
    let page = ask(&host.admin, "GET", "/", &cookie, "");
    for told in [
        "does not come up",
        "<dt>What is wrong</dt><dd>newleaf.db: the file is gone</dd>",
        "Put the database back",
    ] {
        assert!(page.contains(told), "{told} is missing:\n{page}");
    }
    let said = host.place.run(&["status"]);
    assert!(said.err.contains("newleaf.db: the file is gone"), "{said:?}");
    assert!(said.code != 0 && said.err.contains("newleaf recovery-link"), "{said:?}");
    assert!(!host.place.dir().join("newleaf.db").exists(), "an empty one was made in its place");

    let line = page.split("newleaf snapshot restore ").nth(1).unwrap().split('<').next().unwrap();
    assert!(line.ends_with(&format!("--dir {}", host.place.dir().display())), "{line}");
    let mut host = host;
    let place = std::mem::replace(&mut host.place, Place::new());
    assert_eq!(host.stop(), Some(0));
    let words = ["snapshot", "restore"].into_iter().chain(line.split(' ')).collect::<Vec<_>>();
    let said = place.run(&words);
    assert_eq!(said.code, 0, "{said:?}");
    let host = Host::start_in(place);
    assert!(host.get("/").contains("No apps are installed yet"));
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn the_recovery_page_names_a_database_that_is_garbage() {
    let host = with_lost_database(|file| std::fs::write(file, "garbage ".repeat(2000)).unwrap());
    let page = ask(&host.admin, "GET", "/", &open(&host), "");
    assert!(page.contains("newleaf.db: the file is no database any more"), "{page}");
}

#[test]
fn a_database_that_is_damaged_inside_is_told_by_what_the_worker_said() {
    let host = with_lost_database(|file| {
        let mut bytes = std::fs::read(file).unwrap();
        bytes[100..].fill(7);
        std::fs::write(file, bytes).unwrap();
    });
    let page = ask(&host.admin, "GET", "/", &open(&host), "");
    assert!(page.contains("malformed") && page.contains("newleaf snapshot restore"), "{page}");
    let said = host.place.run(&["status", "--json"]);
    assert!(said.out.contains("malformed"), "{said:?}");
    let records = std::fs::read_to_string(host.place.dir().join("journal.jsonl")).unwrap();
    let notice = records.lines().rfind(|line| line.contains("exited with status")).unwrap();
    assert!(notice.contains("malformed"), "{notice}");
}

#[test]
fn commands_that_only_look_need_no_database_and_make_none() {
    let place = Place::with_host();
    let database = place.dir().join("newleaf.db");
    std::fs::remove_file(&database).unwrap();
    for looks in [
        &["status"][..],
        &["history"],
        &["apps", "list"],
        &["snapshot", "list"],
        &["trust", "show"],
        &["support-bundle", "--out", place.dir().with_extension("tar").to_str().unwrap()],
    ] {
        let said = place.run(looks);
        assert_eq!(said.code, 0, "{looks:?}: {said:?}");
    }
    let said = place.run(&["snapshot", "create"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("use newleaf.db: the file is gone"), "{said:?}");
    assert!(!database.exists(), "an empty one was made in its place");
}

#[test]
fn a_support_bundle_is_for_its_owner_and_replaces_nothing() {
    let place = Place::with_host();
    let out = place.dir().with_extension("tar");
    let arguments = ["support-bundle", "--out", out.to_str().unwrap()];
    let said = place.run(&arguments);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(String::from_utf8_lossy(&std::fs::read(&out).unwrap()).contains("facts.txt"));
    assert_eq!(place.run(&arguments).code, 1);
}

#[test]
fn without_a_host_a_recovery_link_says_what_to_start() {
    let said = Place::with_host().run(&["recovery-link"]);
    assert_eq!(said.code, 3, "{said:?}");
    assert!(said.err.contains("newleaf serve"), "{said:?}");
}
