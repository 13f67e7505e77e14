//! Commands on a host that runs.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::place::Place;

/// A host that serves; ended when dropped.
pub(crate) struct Host {
    pub(crate) place: Place,
    pub(crate) process: Child,
    pub(crate) public: String,
    pub(crate) admin: String,
}

impl Host {
    /// Starts one on free ports and waits until it says where it listens.
    pub(crate) fn start() -> Self {
        Self::start_in(Place::with_host())
    }

    pub(crate) fn start_in(place: Place) -> Self {
        Self::start_at("http", place)
    }

    /// Starts the host whose doors speak `scheme`.
    pub(crate) fn start_at(scheme: &str, place: Place) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_newleaf"))
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
            .env("NEWLEAF_DIR", place.dir())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut address = |door: &str| {
            let line = lines.next().unwrap().unwrap();
            let begin = format!("{door} {scheme}://");
            line.strip_prefix(&begin).unwrap_or_else(|| panic!("{line:?} is no {begin}")).to_owned()
        };
        let (public, admin) = (address("public"), address("admin"));
        Self { place, process, public, admin }
    }

    pub(crate) fn get(&self, path: &str) -> String {
        get(&self.public, path)
    }

    /// The worker's process id.
    pub(crate) fn worker(&self) -> String {
        let worker = format!("/proc/{}/task/{0}/children", self.process.id());
        std::fs::read_to_string(worker).unwrap().trim().to_owned()
    }

    /// Ends it and starts it again over HTTPS.
    pub(crate) fn restart(mut self) -> Self {
        assert_eq!(self.end(), Some(0));
        let place = std::mem::replace(&mut self.place, Place::new());
        Self::start_at("https", place)
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.end()
    }

    fn end(&mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.process.wait().unwrap().code()
    }
}

/// Asks for `path` at `address`, on a connection of its own.
pub(crate) fn get(address: &str, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

impl Drop for Host {
    fn drop(&mut self) {
        // Already gone where it was stopped.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_host_that_runs_answers_on_its_socket_and_its_doors() {
    let host = Host::start();
    let status: Value = serde_json::from_str(&host.place.run(&["status", "--json"]).out).unwrap();
    assert_eq!((&status["core"]["version"], &status["seq"]), (&"1.0.0".into(), &1.into()));
    let link = host.place.run(&["sign-in-link"]);
    assert!(link.out.starts_with(&format!("http://{}/sign-in/", host.admin)), "{link:?}");
    assert!(host.get("/").contains("No apps are installed yet"));
    assert!(host.get("/board").contains("Looked at 1 times."));
    assert!(host.get("/apps/acme/notes/").starts_with("HTTP/1.1 404"));
}

#[test]
fn a_second_host_on_the_folder_is_refused_and_the_first_goes_on() {
    let host = Host::start();
    let said = host.place.run(&["serve"]);
    assert_eq!(said.code, 6, "{said:?}");
    assert!(said.err.contains(&format!("process {}", host.process.id())), "{said:?}");
    assert!(host.get("/board.json").ends_with("[]"));
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn twice_as_many_idle_clients_as_there_is_room_for_keep_nobody_out() {
    let place = Place::with_host();
    let settings = place.dir().join("newleaf.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let few = text.replace("# public_connections = 4096", "public_connections = 16");
    assert_ne!(few, text);
    std::fs::write(settings, few).unwrap();
    let host = Host::start_in(place);
    let connect = |_| std::net::TcpStream::connect(&host.public).unwrap();
    let idle: Vec<_> = (0..32).map(connect).collect();
    assert!(host.get("/").contains("No apps are installed yet"));
    assert!(get(&host.admin, "/healthz").starts_with("HTTP/1.1 200"));
    assert_eq!(host.place.run(&["status"]).code, 0);
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", host.worker())).unwrap();
    let sockets = descriptors
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count();
    assert!(sockets < 32, "{sockets} sockets are open, with room for 16 public connections");
    drop(idle);
}

#[test]
fn a_start_that_came_to_nothing_is_told_by_status_until_one_came() {
    let place = Place::with_host();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let serve = ["serve", "--listen", &address, "--admin-listen", "127.0.0.1:0"];
    for _ in 0..2 {
        assert_ne!(place.run(&serve).code, 0);
    }
    let journal = std::fs::read_to_string(place.dir().join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("the host did not start").count(), 1, "{journal}");
    let told = |said: &str| said.contains(&address) && said.contains("in use");
    let said = place.run(&["status"]);
    assert!(said.code == 0 && told(&said.out), "{said:?}");
    let json = place.run(&["status", "--json"]).out;
    let status: Value = serde_json::from_str(&json).unwrap();
    assert!(told(status["notices"][0]["text"].as_str().unwrap()), "{json}");
    let host = Host::start_in(place);
    assert!(host.get("/").contains("No apps are installed yet"));
    let json = host.place.run(&["status", "--json"]).out;
    assert!(!json.contains("did not start"), "{json}");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_worker_holds_the_slots_too_so_that_clearing_run_away_frees_nobodys_place() {
    let host = Host::start();
    assert!(host.get("/").contains("No apps are installed yet"));
    let slots = std::fs::File::open(host.place.dir().join("slots/core")).unwrap();
    let free = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    assert!(rustix::fs::flock(&slots, free).is_err(), "nobody holds the slots");
    assert_eq!(host.stop(), Some(0));
    rustix::fs::flock(&slots, free).unwrap();
}
