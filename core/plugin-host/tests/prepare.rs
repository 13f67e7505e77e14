//! From a file to an app: what is compiled where, kept how, and refused why.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod world;

use std::{fs, path::Path};

use newleaf_domain::{AbiVersion, Digest};
use newleaf_plugin_host::{
    CompileChild, CompileError, Compiler, Handler, OutboundSettings, PluginHost, PrepareError,
    Settings, inspect,
};
use world::{HELLO, NOTES, child};

fn host(folder: &Path, compiler: Compiler) -> PluginHost {
    let (cache_dir, outbound) = (folder.join("cache"), OutboundSettings::default());
    PluginHost::new(Settings { cache_dir, compiler, outbound }).unwrap()
}

fn missing() -> Compiler {
    Compiler::Child(CompileChild { program: "/nowhere/newleaf".into(), arguments: Vec::new() })
}

#[tokio::test]
async fn a_second_host_finds_the_compiled_code() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::of(&fs::read(&*HELLO).unwrap());
    host(folder.path(), child()).prepare(&HELLO, digest).await.unwrap();
    host(folder.path(), missing()).prepare(&HELLO, digest).await.unwrap();
}

#[tokio::test]
async fn a_cache_that_is_deleted_under_a_running_host_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::of(&fs::read(&*HELLO).unwrap());
    let host = host(folder.path(), child());
    let cache = folder.path().join("cache");
    fs::remove_dir_all(&cache).unwrap();
    host.prepare(&HELLO, digest).await.unwrap();
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 1);
}

#[tokio::test]
async fn damaged_code_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::of(&fs::read(&*HELLO).unwrap());
    let host = host(folder.path(), child());
    host.prepare(&HELLO, digest).await.unwrap();
    let entry = fs::read_dir(folder.path().join("cache")).unwrap().next().unwrap().unwrap().path();
    let mut code = fs::read(&entry).unwrap();
    let middle = code.len() / 2;
    code[middle] ^= 1;
    fs::write(&entry, &code).unwrap();
    host.prepare(&HELLO, digest).await.unwrap();
    assert_ne!(fs::read(&entry).unwrap(), code, "the damaged code is still there");
}

#[tokio::test]
async fn a_file_that_is_not_the_verified_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = host(folder.path(), child()).prepare(&HELLO, Digest::of(b"another")).await;
    assert!(matches!(refused, Err(PrepareError::Digest { .. })), "{refused:?}");
}

#[tokio::test]
async fn garbage_is_refused_by_the_child_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("app.wasm");
    fs::write(&garbage, b"\0asm\x0d\0\x01\0garbage").unwrap();
    let host = host(folder.path(), child());
    let refused = host.prepare(&garbage, Digest::of(&fs::read(&garbage).unwrap())).await;
    let Err(PrepareError::Compile(CompileError::Refused { reason })) = refused else {
        panic!("{refused:?}");
    };
    assert!(!reason.is_empty());
    assert_eq!(
        fs::read_dir(folder.path().join("cache")).unwrap().count(),
        0,
        "something was left behind"
    );
}

#[tokio::test]
async fn a_missing_compiler_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::of(&fs::read(&*HELLO).unwrap());
    let refused = host(folder.path(), missing()).prepare(&HELLO, digest).await.unwrap_err();
    assert_eq!(refused.to_string(), "the compiler /nowhere/newleaf does not start");
}

#[test]
fn what_an_app_needs_is_read_from_its_bytes() {
    let hello = inspect(&HELLO).unwrap();
    assert_eq!((hello.kind, hello.min_abi), (Handler::Http02, Some(AbiVersion::new(1, 0))));
    assert!(!hello.imports.iter().any(|name| name.starts_with("newleaf:app/sql")));
    let notes = inspect(&NOTES).unwrap();
    assert_eq!((notes.kind, notes.min_abi), (Handler::Http02, Some(AbiVersion::new(1, 0))));
    let has = |names: &[String], start| names.iter().any(|name| name.starts_with(start));
    assert!(has(&notes.imports, "newleaf:app/sql@1."), "{:?}", notes.imports);
    assert!(has(&notes.exports, "newleaf:app/lifecycle@1."), "{:?}", notes.exports);
}

/// A component of half a megabyte that asks the compiler for far more than its memory: each of many
/// blocks may change each of many variables, and the compiler keeps one value for every pair.
fn bomb() -> Vec<u8> {
    const VARIABLES: u32 = 49_000;
    const BLOCKS: u32 = 40_000;
    let mut body = vec![1];
    leb(&mut body, VARIABLES);
    body.push(0x7f);
    for block in 0..BLOCKS {
        body.extend([0x03, 0x40, 0x20]);
        leb(&mut body, block % VARIABLES);
        body.extend([0x41, 0x01, 0x6a, 0x21]);
        leb(&mut body, (block * 7) % VARIABLES);
        body.extend([0x20, 0x00, 0x0d, 0x00, 0x0b]);
    }
    body.push(0x0b);
    let mut code = vec![1];
    section(&mut code, None, &body);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, Some(1), &[1, 0x60, 0, 0]);
    section(&mut module, Some(3), &[1, 0]);
    section(&mut module, Some(10), &code);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, Some(1), &module);
    component
}

fn section(out: &mut Vec<u8>, id: Option<u8>, content: &[u8]) {
    out.extend(id);
    leb(out, u32::try_from(content.len()).unwrap());
    out.extend(content);
}

fn leb(out: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

#[tokio::test]
async fn a_compile_bomb_ends_its_child_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let wasm = folder.path().join("app.wasm");
    fs::write(&wasm, bomb()).unwrap();
    let host = host(folder.path(), child());
    let refused = host.prepare(&wasm, Digest::of(&bomb())).await;
    let Err(PrepareError::Compile(error)) = refused else { panic!("{refused:?}") };
    assert!(matches!(error, CompileError::Memory { .. } | CompileError::CpuTime { .. }), "{error}");
    assert_eq!(
        fs::read_dir(folder.path().join("cache")).unwrap().count(),
        0,
        "something was left behind"
    );
}

/// Runs `story` on a reactor of one thread and gives up on it when that thread is held up.
fn on_one_thread(story: impl Future<Output = ()> + Send + 'static) {
    let (ended, wait) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(story);
        ended.send(()).unwrap();
    });
    let ended = wait.recv_timeout(std::time::Duration::from_mins(1));
    assert!(ended.is_ok(), "the reactor was held up");
}

/// Makes a pipe: who reads it waits until somebody writes to it.
fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn the_reactor_goes_on_while_kept_code_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::of(&fs::read(&*HELLO).unwrap());
    on_one_thread(async move {
        let host = host(folder.path(), child());
        host.prepare(&HELLO, digest).await.unwrap();
        let mut kept = fs::read_dir(folder.path().join("cache")).unwrap();
        let kept = kept.next().unwrap().unwrap().path();
        let code = fs::read(&kept).unwrap();
        fs::remove_file(&kept).unwrap();
        pipe(&kept);
        let writes = tokio::task::spawn_blocking(move || fs::write(&kept, &code).unwrap());
        let (prepared, written) = tokio::join!(host.prepare(&HELLO, digest), async {
            tokio::task::yield_now().await;
            writes.await
        });
        prepared.unwrap();
        written.unwrap();
    });
}

#[test]
fn the_reactor_goes_on_while_what_the_compiler_wrote_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("app.wasm");
    fs::write(&component, b"component").unwrap();
    // A compiler whose output gives nothing before somebody comes to write.
    let script = "mkfifo \"$2\"".to_owned();
    let arguments = vec!["-c".into(), script.into(), "sh".into()];
    let compiler = Compiler::Child(CompileChild { program: "/bin/sh".into(), arguments });
    on_one_thread(async move {
        let host = host(folder.path(), compiler);
        let digest = Digest::of(b"component");
        let cache = folder.path().join("cache");
        let prepare = host.prepare(&component, digest);
        let write = async {
            // What runs only while the reactor is free to run it.
            let raw = loop {
                let raw = fs::read_dir(&cache).unwrap().find_map(|entry| {
                    let path = entry.unwrap().path();
                    path.extension().is_some_and(|end| end == "raw").then_some(path)
                });
                if let Some(raw) = raw {
                    break raw;
                }
                tokio::task::yield_now().await;
            };
            tokio::task::spawn_blocking(move || fs::write(raw, b"code").unwrap()).await.unwrap();
        };
        // It was read; that it is no code is another matter.
        let refused = tokio::join!(prepare, write).0;
        let of_code = matches!(refused, Err(PrepareError::Compile(CompileError::Refused { .. })));
        assert!(of_code, "{refused:?}");
    });
}
