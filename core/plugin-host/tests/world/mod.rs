//! What the tests of this folder share: built apps, and a compiler in a child, as a host has it.
#![expect(dead_code, reason = "each test file uses its part")]

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use newleaf_plugin_host::{CompileChild, Compiler};
use newleaf_sdk_testing::{TestApp, build};

/// Greets.
pub(crate) static HELLO: LazyLock<PathBuf> = LazyLock::new(|| built("plugins/hello"));
/// Greets through `wasi:http` 0.3.
pub(crate) static HELLO_ASYNC: LazyLock<PathBuf> =
    LazyLock::new(|| built("tests/apps/hello-async"));
/// Keeps notes.
pub(crate) static NOTES: LazyLock<PathBuf> = LazyLock::new(|| built("plugins/notes"));
/// Asks the outside for whatever it is told to.
pub(crate) static OUTBOUND: LazyLock<PathBuf> =
    LazyLock::new(|| built("tests/apps/hostile-outbound"));
/// Does work at regular times, and keeps files.
pub(crate) static CHORES: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/chores"));
/// Tries what it must not.
pub(crate) static HOSTILE: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/attach"));

/// Takes what it can get, and remembers what it should not.
pub(crate) static HOG: LazyLock<PathBuf> = LazyLock::new(|| built("tests/apps/hostile-hog"));

fn built(folder: &str) -> PathBuf {
    match build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)) {
        Ok(wasm) => wasm,
        Err(error) => panic!("{error}; {}", error.hint()),
    }
}

/// The compiling child.
pub(crate) fn child() -> Compiler {
    Compiler::Child(CompileChild {
        program: env!("CARGO_BIN_EXE_newleaf-compile-for-tests").into(),
        arguments: Vec::new(),
    })
}

/// An app, compiled in the child, once for all tests.
pub(crate) fn app(wasm: &Path) -> TestApp {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compiled-apps");
    TestApp::new(wasm).compiler(child()).cache(&cache)
}
