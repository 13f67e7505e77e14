//! Port 80 for a user who is not root: by the program's file, by the service manager's ambient
//! capability, by a socket that is passed on. Each right outlives two updates of core and a start
//! from nothing, no worker has it, and its loss is told while the port is still held.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use newleaf_tests::network;
use newleaf_tests::process::{Process, Ran};
use newleaf_tests::skip::{has_programs, system_tier};
use newleaf_tests::world::{CoreRelease, Host, HostSettings, World};
use serde_json::Value;

/// `nobody`, on every Linux.
const NOBODY: u32 = 65534;

const ADDRESS: &str = "127.0.0.1:80";

/// The file attribute that `setcap` writes and `rustix` removes.
const ATTRIBUTE: &str = "security.capability";

/// By what the host gets its port.
enum Right {
    /// `cap_net_bind_service` in the program's file.
    File,
    /// `CAP_NET_BIND_SERVICE` in the ambient set.
    Ambient,
    /// The bound socket, by `LISTEN_FDS`.
    Socket(TcpListener),
    /// The same of the file, without effect: the program is started with `no_new_privs`.
    VoidFile,
    /// None.
    Nothing,
}

/// A host of `nobody` on port 80, and how it is started.
struct Service {
    world: World,
    right: Right,
    dir: PathBuf,
    program: PathBuf,
}

impl Service {
    /// A registry with 0.9.0, and the folder of a host that runs it.
    fn new(right: Right) -> Self {
        let world = World::new();
        std::fs::set_permissions(world.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
        world.registry.publish_core(CoreRelease::Old);
        let homes = world.path("homes");
        std::fs::create_dir(&homes).unwrap();
        std::os::unix::fs::chown(&homes, Some(NOBODY), Some(NOBODY)).unwrap();
        let dir = homes.join("host");
        let (core, settings) = (CoreRelease::Old, HostSettings::default());
        let program = Host::init_as(NOBODY, core, &dir, &world.registry, settings);
        listen_on_80(&dir);
        let service = Self { world, right, dir, program };
        if matches!(service.right, Right::File | Right::VoidFile) {
            service.give_to_file();
        }
        service
    }

    /// What an admin does who has no service manager.
    fn give_to_file(&self) {
        let mut setcap = Command::new("setcap");
        Ran::ok(setcap.arg("cap_net_bind_service=+ep").arg(&self.program));
    }

    /// Starts the host as whoever gives it its right does.
    fn start(&self) -> Host {
        let (mut command, stdin) = self.command();
        Host::serve_by(&self.dir, &self.program, &mut command, stdin)
    }

    fn command(&self) -> (Command, Stdio) {
        let mut user = vec!["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
        if matches!(self.right, Right::Ambient) {
            user.extend(["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"]);
        }
        if matches!(self.right, Right::VoidFile) {
            // What `setpriv` itself has is gone once it has become another program.
            user.extend(["--no-new-privs", "env"]);
        }
        let (mut command, stdin) = match &self.right {
            Right::File | Right::VoidFile | Right::Ambient | Right::Nothing => {
                (Command::new("env"), Stdio::null())
            }
            Right::Socket(listener) => Process::passing(listener),
        };
        command.args(user).arg(&self.program).arg("serve").arg("--dir").arg(&self.dir);
        (command, stdin)
    }

    fn update(&self, host: &Host, core: CoreRelease) {
        self.world.registry.publish_core(core);
        host.run(&["update", "core", "--yes"]).assert_code(0);
    }
}

/// As an admin writes it.
fn listen_on_80(dir: &Path) {
    let path = dir.join("newleaf.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = text.lines().find(|line| line.starts_with("public = ")).unwrap();
    std::fs::write(&path, text.replace(line, &format!("public = [\"{ADDRESS}\"]"))).unwrap();
}

/// Whether the machine has what these tests need; says so where not.
fn can_run(test: &str) -> bool {
    let programs = [&network::PROGRAMS[..], &["setpriv", "setcap"]].concat();
    system_tier(test) && has_programs(test, &programs)
}

/// That this version serves on port 80, and that none of the host's processes has a capability.
fn serves_without_capabilities(host: &Host, version: &str) {
    assert_eq!(host.public.to_string(), ADDRESS);
    assert_eq!(host.core_version(), version, "{}", host.process.log());
    let board = host.get("/board.json");
    assert_eq!(board.status, 200, "{}", board.body);
    let workers = host.workers();
    assert!(!workers.is_empty());
    let launcher = host.process.pid().as_raw_nonzero().get();
    for pid in workers.into_iter().chain([launcher]) {
        // A worker that drains may be gone by now.
        let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
        for (name, value) in [
            ("Uid:", "65534\t65534\t65534\t65534"),
            ("CapInh:", "0000000000000000"),
            ("CapPrm:", "0000000000000000"),
            ("CapEff:", "0000000000000000"),
            ("CapAmb:", "0000000000000000"),
            ("NoNewPrivs:", "1"),
        ] {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            assert_eq!(line.trim(), value, "{name} of process {pid}:\n{status}");
        }
    }
}

/// What the preflight says of the next start from nothing, whatever it says of an update.
fn foretold(host: &Host) -> Value {
    let rows = Ran::of(host.command(&["preflight", "core"]).arg("--json")).json();
    let mut rows = rows.as_array().unwrap().iter();
    rows.find(|row| row["id"] == "ports").unwrap_or_else(|| panic!("no word of ports")).clone()
}

fn will_start(host: &Host, words: &str) {
    let row = foretold(host);
    assert_eq!(row["standing"], "pass", "{row:#}");
    assert!(row["measured"].as_str().unwrap().contains(words), "{row:#}");
}

/// Two updates of core and a start from nothing, foretold before each.
fn outlives_two_updates_and_a_start(service: &Service, words: &str) {
    let host = service.start();
    assert_eq!(host.post_json("/board", r#"{"text":"kept"}"#).status, 201);
    serves_without_capabilities(&host, "0.9.0");
    will_start(&host, words);
    service.update(&host, CoreRelease::Stock);
    serves_without_capabilities(&host, "1.0.0");
    will_start(&host, words);
    service.update(&host, CoreRelease::Newer);
    serves_without_capabilities(&host, "1.1.0");
    will_start(&host, words);
    let Host { process, .. } = host;
    process.stop();

    let host = service.start();
    serves_without_capabilities(&host, "1.1.0");
    assert!(host.get("/board.json").body.contains("kept"));
    will_start(&host, words);
}

#[test]
fn a_capability_of_the_file_outlives_two_updates_and_a_start_from_nothing() {
    if !can_run("port 80 by a file capability") {
        return;
    }
    network::alone(|| {
        let service = Service::new(Right::File);
        outlives_two_updates_and_a_start(&service, "has cap_net_bind_service");
    });
}

#[test]
fn an_ambient_capability_outlives_two_updates_and_a_start_from_nothing() {
    if !can_run("port 80 by an ambient capability") {
        return;
    }
    network::alone(|| {
        let service = Service::new(Right::Ambient);
        outlives_two_updates_and_a_start(&service, "gives CAP_NET_BIND_SERVICE");
    });
}

#[test]
fn a_passed_socket_outlives_two_updates_and_a_start_from_nothing() {
    if !can_run("port 80 by a passed socket") {
        return;
    }
    network::alone(|| {
        let service = Service::new(Right::Socket(TcpListener::bind(ADDRESS).unwrap()));
        outlives_two_updates_and_a_start(&service, "is handed the sockets of 127.0.0.1:80");
    });
}

#[test]
fn a_lost_capability_is_told_before_the_restart_and_given_back_by_the_line_that_is_told() {
    if !can_run("a lost file capability") {
        return;
    }
    network::alone(|| {
        let service = Service::new(Right::File);
        let host = service.start();
        will_start(&host, "has cap_net_bind_service");
        rustix::fs::removexattr(&service.program, ATTRIBUTE).unwrap();

        let row = foretold(&host);
        assert_eq!(row["standing"], "warn", "{row:#}");
        let words = "127.0.0.1:80 is held now, but a start would not get it again";
        assert!(row["measured"].as_str().unwrap().contains(words), "{row:#}");
        let command = row["command"].as_str().unwrap();
        let program = service.program.display();
        assert_eq!(command, format!("sudo setcap 'cap_net_bind_service=+ep' {program}"));
        let status = host.json(&["status"]);
        assert!(status["notices"].to_string().contains(words), "{status:#}");
        // An update hands the socket over, and hides nothing.
        service.update(&host, CoreRelease::Stock);
        serves_without_capabilities(&host, "1.0.0");
        assert_eq!(foretold(&host), row);
        let Host { process, .. } = host;
        process.stop();

        refuses_to_start(&service, &[words_of_refusal(), command]);
        Ran::ok(Command::new("sh").args(["-c", &command.replace("sudo ", "")]));
        let host = service.start();
        serves_without_capabilities(&host, "1.0.0");
        will_start(&host, "has cap_net_bind_service");
    });
}

const fn words_of_refusal() -> &'static str {
    "listen on 127.0.0.1:80: Permission denied"
}

#[test]
fn a_user_without_any_right_is_told_what_gives_it_before_and_at_the_start() {
    if !can_run("port 80 without any right") {
        return;
    }
    network::alone(|| {
        let service = Service::new(Right::Nothing);
        let program = service.program.display();
        let line = format!("sudo setcap 'cap_net_bind_service=+ep' {program}");
        let mut preflight = Command::new("setpriv");
        preflight.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&service.program);
        let said = Ran::of(preflight.args(["preflight", "--dir"]).arg(&service.dir)).stdout;
        assert!(said.contains("a start would not get 127.0.0.1:80"), "{said}");
        assert!(said.contains(&line), "{said}");
        refuses_to_start(&service, &[words_of_refusal(), &line]);
    });
}

#[test]
fn a_capability_of_the_file_that_has_no_effect_is_told_as_that() {
    if !can_run("port 80 by a void file capability") {
        return;
    }
    network::alone(|| {
        let service = Service::new(Right::VoidFile);
        refuses_to_start(&service, &[words_of_refusal(), "start it without no_new_privs"]);
    });
}

fn refuses_to_start(service: &Service, words: &[&str]) {
    let (mut command, stdin) = service.command();
    let mut process = Process::start_with("newleaf serve", &mut command, stdin);
    let status = process.wait(Duration::from_mins(1));
    assert_eq!(status.code(), Some(1));
    for word in words {
        process.wait_for_line(word, Duration::from_secs(10));
    }
}
