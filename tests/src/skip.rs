//! Skips, told and counted: a test that cannot run says what it needs, and one of a higher tier
//! says which tier runs it.

use std::io::Write as _;

use crate::process::find_program;

/// Names the file to which skipped tests add a line each; set by `cargo verify`.
pub const SKIP_FILE: &str = "NEWLEAF_SKIP_FILE";

/// Names the tier that runs: `plain`, `system` or `all`; set by `cargo verify`.
pub const TIER: &str = "NEWLEAF_TIER";

/// How much of a machine the tests may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Rust, a C compiler, the wasm target, Chromium.
    Plain,
    /// Also root or user namespaces, and strace.
    System,
    /// Also other servers and languages, and benches.
    All,
}

impl Tier {
    /// The tier that runs; plain where `cargo verify` set none.
    pub fn current() -> Self {
        match std::env::var(TIER).as_deref() {
            Ok("system") => Self::System,
            Ok("all") => Self::All,
            _ => Self::Plain,
        }
    }

    /// The tier's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::System => "system",
            Self::All => "all",
        }
    }
}

/// How a line begins that tells of a test which this machine cannot run.
pub const SKIPPED: &str = "skipped: ";

/// How a line begins that tells of a test which belongs to a higher tier.
pub const LEFT: &str = "left: ";

/// Says that `test` cannot run because it needs `what`, and counts it as skipped.
pub fn skipped(test: &str, what: &str) {
    note(&format!("{SKIPPED}{test} needs {what}\n"));
}

/// Whether `tier` runs now; where not, says so and counts `test` as left for it.
fn is_reached(tier: Tier, test: &str) -> bool {
    let reached = Tier::current() >= tier;
    if !reached {
        note(&format!("{LEFT}{test} runs with cargo verify --{}\n", tier.as_str()));
    }
    reached
}

fn note(line: &str) {
    let mut out = std::io::stdout();
    out.write_all(line.as_bytes()).unwrap();
    if let Some(path) = std::env::var_os(SKIP_FILE) {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        file.unwrap().write_all(line.as_bytes()).unwrap();
    }
}

/// Whether the test may use what the system tier offers; says so where not.
pub fn system_tier(test: &str) -> bool {
    if !is_reached(Tier::System, test) {
        return false;
    }
    if !rustix::process::geteuid().is_root() {
        skipped(test, "root");
        return false;
    }
    true
}

/// Whether each of these is a program on the path; says which is not.
pub fn has_programs(test: &str, names: &[&str]) -> bool {
    let missing = names.iter().find(|name| find_program(&[name]).is_none());
    if let Some(name) = missing {
        skipped(test, name);
    }
    missing.is_none()
}

/// Whether the test may take its time; says so where not.
pub fn all_tier(test: &str) -> bool {
    is_reached(Tier::All, test)
}
