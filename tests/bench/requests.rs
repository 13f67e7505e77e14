//! What a request of an app costs beside a native handler and wasmtime's own server, and what an app
//! costs beside its requests: instances, starts, memory, the click of an admin.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use newleaf_tests::build;
use newleaf_tests::process::{Process, Ran};
use newleaf_tests::skip::all_tier;
use newleaf_tests::world::{Host, HostSettings, START, World};

use crate::measured::{Spread, processor_time};
use crate::optimised::{self, measured, number};

/// Runs of each contender; they take turns, so that what else the machine does befalls all alike.
const RUNS: usize = 5;

/// The plain greeter: `wasi:http` 0.2, and nothing of ours.
const HELLO: &str = "tests/apps/hello-plain";

/// Seconds of probation, which is no part of the time until a version serves.
const PROBATION: f64 = 0.1;

/// The apps that wait together while memory is measured, and the requests of each.
const PARKED: (u64, u64) = (4, 50);

/// One server that is asked, and what it came to.
struct Contender {
    name: &'static str,
    address: SocketAddr,
    path: String,
    /// Whose processor time counts.
    pid: i32,
    /// Requests a second, and microseconds of processor time a request.
    rate: Spread,
    cpu: Spread,
    _process: Option<Process>,
}

impl Contender {
    fn of(name: &'static str, process: Process, line: &str) -> Self {
        let told = process.wait_for_line(line, START);
        let mut words = told.split([' ', '/']).filter_map(|word| word.trim().parse().ok());
        let address = words.next_back().unwrap_or_else(|| panic!("no address in {told:?}"));
        let pid = process.pid().as_raw_nonzero().get();
        let (rate, cpu) = (Spread::default(), Spread::default());
        Self { name, address, path: "/".to_owned(), pid, rate, cpu, _process: Some(process) }
    }

    fn of_host(name: &'static str, host: &Host, app: &str) -> Self {
        let (rate, cpu) = (Spread::default(), Spread::default());
        let (path, pid) = (format!("/apps/{app}/"), host.workers()[0]);
        Self { name, address: host.public, path, pid, rate, cpu, _process: None }
    }

    /// Asks it for `seconds`; what it came to counts where it is wanted.
    fn run(&mut self, seconds: u32, counts: bool) {
        let before = processor_time(self.pid);
        let (address, seconds) = (self.address.to_string(), seconds.to_string());
        let said = Ran::ok(&mut measured(&["load", &address, &self.path, "--seconds", &seconds]));
        let used = processor_time(self.pid) - before;
        let said = said.stdout.split_whitespace().map(|word| word.parse().unwrap());
        let [requests, lasted]: [f64; 2] = said.collect::<Vec<f64>>().try_into().unwrap();
        if counts {
            self.rate.add(requests / lasted);
            self.cpu.add(used * 1e6 / requests);
        }
    }
}

/// A host of the released program, with the greeter as several apps.
fn host(world: &World, apps: &str) -> Host {
    let settings = HostSettings {
        probation: PROBATION,
        apps: "rehearsal = \"off\"",
        ..HostSettings::default()
    };
    let registry = &world.registry;
    let dir = world.path(apps);
    Host::start_at(&optimised::newleaf(), &dir, &registry.url, &registry.root, settings)
}

/// Publishes the greeter as `id` with more in its manifest, and installs it.
fn install(world: &World, host: &Host, id: &str, reuse: u32) {
    let more = serde_json::json!({ "id": id, "reuse": reuse });
    world.registry.publish_app_with(HELLO, &more);
    host.run(&["apps", "install", id, "--yes"]).assert_code(0);
}

/// The greeter's component.
fn component() -> PathBuf {
    newleaf_sdk_testing::build(&build::source_root().join(HELLO)).unwrap()
}

/// Tells a figure with its aim, and whether it was reached.
fn tell(what: &str, figure: f64, unit: &str, aim: f64, reached: bool) {
    let verdict = if reached { "reached" } else { "MISSED" };
    println!("{what}: {figure:.2}{unit} (aim {aim}{unit}: {verdict})");
}

#[test]
fn what_a_request_costs_is_told_beside_a_native_handler_and_wasmtimes_own_server() {
    if !all_tier("the cost of a request") {
        return;
    }
    let world = World::new();
    let host = host(&world, "requests");
    install(&world, &host, "acme/hello-fresh", 1);
    install(&world, &host, "acme/hello-reused", 128);
    let native = Process::start("native", &mut measured(&["native"]));
    let mut contenders = vec![
        Contender::of("native axum handler", native, "listening on "),
        Contender::of_host("hello, fresh instance", &host, "acme/hello-fresh"),
        Contender::of_host("hello, reused instance", &host, "acme/hello-reused"),
    ];
    match optimised::wasmtime() {
        Ok(program) => contenders.extend(peers(&program)),
        Err(why) => println!("wasmtime serve: not measured: {why}"),
    }
    for run in 0..=RUNS {
        for contender in &mut contenders {
            contender.run(if run == 0 { 1 } else { 3 }, run > 0);
        }
    }
    for Contender { name, rate, cpu, .. } in &contenders {
        println!("{name}: {rate:.0} requests/s, {cpu:.1} µs of processor time a request");
    }
    let of = |index: usize| contenders.get(index).map(|it| (it.rate.median(), it.cpu.median()));
    let (Some(native), Some(fresh), Some(reused)) = (of(0), of(1), of(2)) else { return };
    for (what, app, aim) in [("fresh", fresh, 0.22), ("reused", reused, 0.35)] {
        let ratio = app.0 / native.0;
        tell(&format!("{what} beside native, requests/s"), ratio, "", aim, ratio >= aim);
        println!("{what} beside native, processor time: {:.1} times", app.1 / native.1);
    }
    for (what, app, peer) in [("fresh", fresh, of(3)), ("reused", reused, of(4))] {
        if let Some(peer) = peer {
            let ratio = app.0 / peer.0;
            tell(&format!("{what} beside wasmtime serve"), ratio, "", 1.0, ratio >= 1.0);
        }
    }
}

/// wasmtime's own server, with a fresh instance a request and with reuse.
fn peers(program: &Path) -> Vec<Contender> {
    let wasm = component();
    let serve = |name: &'static str, reuse: &str| {
        let mut command = Command::new(program);
        command.args(["serve", "-Scli", "--addr", "127.0.0.1:0"]);
        command.args(["--max-instance-reuse-count", reuse]).arg(&wasm);
        Contender::of(name, Process::start(name, &mut command), "Serving HTTP on ")
    };
    vec![
        serve("wasmtime serve, fresh instance", "1"),
        serve("wasmtime serve, reused instance", "128"),
    ]
}

#[test]
fn what_instances_and_starts_cost_is_told() {
    if !all_tier("the cost of instances and starts") {
        return;
    }
    let wasm = component();
    let wasm = wasm.to_str().unwrap();
    let (mut instances, mut cached) = (Spread::default(), Spread::default());
    for _ in 0..RUNS {
        instances.add(number(&mut measured(&["instances", wasm])));
        cached.add(number(&mut measured(&["cached", wasm, "--apps", "50"])));
    }
    println!("instantiate and drop, store included: {instances:.1} µs; 50 apps: {cached:.0} ms");
    let (instances, cached) = (instances.median(), cached.median());
    tell("instantiate and drop", instances, " µs", 15.0, instances <= 15.0);
    tell("50 apps from the cache", cached, " ms", 100.0, cached <= 100.0);
}

#[test]
fn what_requests_in_flight_take_of_memory_is_told() {
    if !all_tier("the memory of requests in flight") {
        return;
    }
    let world = World::new();
    let host = host(&world, "memory");
    let ids: Vec<_> = (0..PARKED.0).map(|number| format!("acme/hello-{number}")).collect();
    for id in &ids {
        install(&world, &host, id, 1);
        assert_eq!(host.get(&format!("/apps/{id}/")).status, 200);
    }
    let worker = host.workers()[0];
    let before = resident(worker);
    let mut parked = Vec::new();
    for id in ids.iter().flat_map(|id| std::iter::repeat_n(id, usize::try_from(PARKED.1).unwrap()))
    {
        let mut stream = TcpStream::connect(host.public).unwrap();
        stream.set_read_timeout(Some(START)).unwrap();
        write!(stream, "GET /apps/{id}/wait HTTP/1.1\r\nHost: {}\r\n\r\n", host.public).unwrap();
        parked.push(stream);
    }
    // The head comes at once, from an instance that then waits with its body.
    for stream in &mut parked {
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
    }
    let requests = PARKED.0 * PARKED.1;
    let each = resident(worker).saturating_sub(before) / requests;
    #[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
    let each = each as f64 / 1024.0;
    println!("{requests} requests in flight, connections included");
    tell("memory of a request in flight", each, " KiB", 150.0, each <= 150.0);
}

/// What a process has in memory, in bytes (`VmRSS`, proc(5)).
fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[test]
fn from_the_click_to_the_new_version_is_told() {
    if !all_tier("the time from the click to the new version") {
        return;
    }
    let world = World::new();
    let host = host(&world, "click");
    let release = |number: usize| {
        let more = serde_json::json!({ "version": format!("2.0.{number}") });
        world.registry.publish_app_with("plugins/notes", &more);
    };
    release(0);
    host.run(&["apps", "install", "acme/notes", "--yes"]).assert_code(0);
    let length = std::fs::metadata(build::app_package("plugins/notes")).unwrap().len() / 1024;
    let mut live = Spread::default();
    for number in 1..=RUNS {
        release(number);
        host.run(&["check"]).assert_code(0);
        // All releases are one program: each is to be compiled as if it were not.
        drop(std::fs::remove_dir_all(host.dir.join("cache/code")));
        let began = Instant::now();
        host.run(&["update", "acme/notes", "--yes"]).assert_code(0);
        live.add(began.elapsed().as_secs_f64() - PROBATION);
    }
    println!(
        "a package of {length} KiB: {live:.2} s; from the command line: plan, download, verify, compile, switch"
    );
    tell("from the click to the new version", live.median(), " s", 1.0, live.median() <= 1.0);
}
