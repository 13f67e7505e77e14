//! Who is hostile before it has run a line: components that no compiler writes.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::graft::{self, Module, Start, leb};
use crate::ground::{ground, id};
use crate::packages::of_graft;

/// Processor time that the compiling child may use, with what it takes to be ended.
const COMPILE_SECONDS: f64 = 31.0;

/// Memory that the compiling child may use.
const COMPILE_MEMORY: u64 = 1024 * 1024 * 1024;

/// Installs `hello` with `module` in it as the app `name`, and asks for it; no instance can be made
/// of it, for `reason`.
fn cannot_be_made(test: &str, name: &str, module: &Module, reason: &str) {
    let Some(ground) = ground(test) else { return };
    let graft = |component| graft::with_module(component, &module.bytes(), 1);
    ground.publish(name, || of_graft(name, graft));
    ground.host.run(&["apps", "install", &id(name), "--yes"]).assert_code(0);
    let (answers, siege) = ground.siege(name, test, || ground.get_many(name, "/", 4));
    assert!(answers.iter().all(|answer| matches!(answer.status, 500 | 504)), "{answers:?}");
    siege.told(reason);
}

#[test]
fn a_component_that_never_starts_is_ended() {
    // loop, branch to it, end.
    let body = vec![0x00, 0x03, 0x40, 0x0c, 0x00, 0x0b, 0x0b];
    let module = Module { body, start: Start::AtOnce, ..Module::default() };
    cannot_be_made("a loop at the start", "hostile-start", &module, "instantiation error");
}

#[test]
fn memories_of_one_component_count_together() {
    // 63 MiB, and the app's own.
    let module = Module { memories: vec![1_008], ..Module::default() };
    cannot_be_made("63 MiB at the start", "hostile-memories", &module, "instantiation error");
}

#[test]
fn a_table_that_grows_without_end_is_bounded() {
    // loop: ref.null func, 1000, table.grow 0, drop, branch to it.
    let mut body = vec![0x00, 0x03, 0x40, 0xd0, 0x70, 0x41];
    leb(&mut body, 1_000);
    body.extend([0xfc, 0x0f, 0x00, 0x1a, 0x0c, 0x00, 0x0b, 0x0b]);
    let module = Module { tables: vec![10], body, start: Start::AtOnce, ..Module::default() };
    cannot_be_made("a table that grows", "hostile-tables", &module, "instantiation error");
}

#[test]
fn a_component_that_wants_more_of_the_pool_than_one_may_is_not_installed() {
    const NAME: &str = "hostile-pool";
    let Some(ground) = ground("a component of many memories") else { return };
    let module = Module { memories: vec![16; 8], tables: vec![10; 20], ..Module::default() };
    let graft = |component| graft::with_module(component, &module.bytes(), 1);
    ground.publish(NAME, || of_graft(NAME, graft));
    let (ran, siege) = ground.siege(NAME, "8 memories, 20 tables", || {
        ground.host.run(&["apps", "install", &id(NAME), "--yes"])
    });
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(ran.code != 0 && said.contains("refuses the component"), "{}: {said}", ran.code);
    siege.told("refuses the component");
}

#[test]
fn a_crowd_of_instances_in_one_leaves_the_pool_to_others() {
    const NAME: &str = "hostile-instances";
    let Some(ground) = ground("a component of many instances beside a neighbour") else { return };
    let module = Module { memories: vec![], tables: vec![5_000], ..Module::default() }.bytes();
    let graft = |component| graft::with_module(component, &module, 14);
    ground.publish(NAME, || of_graft(NAME, graft));
    ground.host.run(&["apps", "install", &id(NAME), "--yes"]).assert_code(0);
    let (answers, _) = ground.siege(NAME, "64 × 14 instances", || ground.get_many(NAME, "/", 64));
    assert!(answers.iter().all(|answer| answer.status != 0), "{answers:?}");
}

#[test]
fn a_compile_bomb_ends_its_child_and_nothing_else() {
    const NAME: &str = "hostile-compile";
    let Some(ground) = ground("a compile bomb beside a neighbour") else { return };
    ground.publish(NAME, || of_graft(NAME, graft::with_bomb));
    let worker = ground.host.workers()[0];
    let before = children_seconds(worker);
    let begin = Instant::now();
    let ((ran, memory), siege) = ground.siege(NAME, "a compile bomb", || {
        watched(|| ground.host.run(&["apps", "install", &id(NAME), "--yes"]))
    });
    let (took, used) = (begin.elapsed(), children_seconds(worker) - before);
    println!("  the child: {used:.1} s of processor, {} MiB at most, {took:.1?}", memory >> 20);
    assert_ne!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(used <= COMPILE_SECONDS && used > 0.1, "the child used {used} s");
    assert!(memory <= COMPILE_MEMORY && memory > 1024 * 1024, "the child had {memory} bytes");
    siege.told("compiling takes more than");
    assert!(ground.host.state()["apps"][id(NAME)]["good"].is_null());
}

/// Does `work`, and gives the most memory that a compiling child had meanwhile.
fn watched<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let (over, most) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                most.fetch_max(compiler_memory(), Ordering::SeqCst);
                // A sample; the kernel keeps the peak for as long as the child lives.
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let done = work();
        over.store(true, Ordering::SeqCst);
        (done, most.load(Ordering::SeqCst))
    })
}

/// The peak memory of a compiling child that lives; 0 where none does.
fn compiler_memory() -> u64 {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let compiles = |folder: &Path| {
        let line = std::fs::read(folder.join("cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).collect();
        words.get(1).is_some_and(|word| *word == b"compile")
            && words
                .get(2)
                .is_some_and(|input| String::from_utf8_lossy(input).contains("hostile-compile"))
    };
    let peaks = processes.filter(|folder| compiles(folder)).map(|folder| {
        let status = std::fs::read_to_string(folder.join("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: Option<u64> =
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        kib.unwrap_or(0) * 1024
    });
    peaks.max().unwrap_or(0)
}

/// Processor time of the worker's children that have ended, in seconds (proc(5), `cutime` and
/// `cstime`: their `rusage`).
fn children_seconds(worker: i32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{worker}/stat")).unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(13).take(2);
    f64::from(fields.map(|field| field.parse::<u32>().unwrap()).sum::<u32>()) / 100.0
}
