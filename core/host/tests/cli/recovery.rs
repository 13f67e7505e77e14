//! The recovery page as a process: who may open it, what it tells and what it does.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

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

#[test]
fn the_recovery_page_opens_when_the_database_is_gone() {
    let host = Host::start();
    assert!(host.get("/").contains("No apps are installed yet"));
    for part in ["", "-wal", "-shm"] {
        let path = host.place.dir().join(format!("newleaf.db{part}"));
        let gone = std::fs::remove_file(path);
        assert!(gone.is_ok() || !part.is_empty(), "{gone:?}");
    }
    let worker = host.worker().parse().unwrap();
    let worker = rustix::process::Pid::from_raw(worker).unwrap();
    rustix::process::kill_process(worker, rustix::process::Signal::KILL).unwrap();
    while status(&host.get("/")) != 503 {}
    let cookie = open(&host);
    let page = ask(&host.admin, "GET", "/", &cookie, "");
    assert!(
        page.contains("does not come up")
            && page.contains("<dt>It said</dt><dd>worker: read the schema: "),
        "{page}"
    );
    let said = host.place.run(&["status"]);
    assert!(said.code != 0 && said.err.contains("newleaf recovery-link"), "{said:?}");
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
