//! `cargo verify [--system | --all]`: fetches what a tier of tests needs, then runs it.
//!
//! Closes with `N passed, N failed, N skipped`; a skipped test says what it needs. What belongs to a
//! higher tier is counted apart: it was not asked for.
#![expect(clippy::print_stdout, reason = "a command line program talks on standard output")]

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use clap::Parser;
use newleaf_tests::build;
use newleaf_tests::process::find_program;
use newleaf_tests::skip::{LEFT, SKIP_FILE, SKIPPED, TIER, Tier};

/// Runs Newleaf's tests.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo verify")]
struct Arguments {
    /// Adds what needs root or namespaces, and strace.
    #[arg(long, conflicts_with = "all")]
    system: bool,
    /// Adds other servers and languages, and benches.
    #[arg(long)]
    all: bool,
    /// Only tests whose name holds this.
    filter: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let tier = match (arguments.all, arguments.system) {
        (true, _) => Tier::All,
        (false, true) => Tier::System,
        (false, false) => Tier::Plain,
    };
    let began = Instant::now();
    fetch_browser();
    if tier >= Tier::System {
        fetch_strace();
    }
    if !has_wasm_target() {
        println!("cargo verify: cannot go on without the wasm32-wasip2 target; add it with");
        println!("  rustup target add wasm32-wasip2");
        return ExitCode::from(3);
    }
    let skips = target_file("skips");
    let _none_yet = std::fs::remove_file(&skips);
    let mut tally = Tally::default();
    let finished = run_tests(&arguments, tier, &skips, &mut tally);
    let told = std::fs::read_to_string(&skips).unwrap_or_default();
    let count = |prefix| told.lines().filter(|line| line.starts_with(prefix)).count();
    let (skipped, left) = (count(SKIPPED), count(LEFT));
    told.lines().filter(|line| line.starts_with(SKIPPED)).for_each(|line| println!("{line}"));
    if !tally.told.is_empty() {
        println!("\nwhat the failed tests said:");
        tally.told.iter().for_each(|line| println!("{line}"));
    }
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    println!("tier {}, {minutes:.1} minutes, {left} left for a higher tier", tier.as_str());
    println!(
        "{} passed, {} failed, {skipped} skipped",
        tally.passed.saturating_sub(skipped + left),
        tally.failed
    );
    if finished && tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What all test programs together said.
#[derive(Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    /// What the failed tests of all programs said, to be read at the end.
    told: Vec<String>,
    /// Whether the lines that come are of failed tests.
    telling: bool,
}

/// Runs every test of the workspace; true where cargo itself was content.
fn run_tests(arguments: &Arguments, tier: Tier, skips: &PathBuf, tally: &mut Tally) -> bool {
    let mut command = build::cargo();
    command.args(["test", "--workspace", "--no-fail-fast"]);
    for guest in build::GUESTS {
        command.args(["--exclude", guest]);
    }
    if let Some(filter) = &arguments.filter {
        command.arg(filter);
    }
    command.env(TIER, tier.as_str()).env(SKIP_FILE, skips).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            println!("cargo verify: cargo did not start: {error}");
            return false;
        }
    };
    if let Some(out) = child.stdout.take() {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            println!("{line}");
            tally.take(&line);
        }
    }
    child.wait().is_ok_and(|status| status.success())
}

impl Tally {
    /// Takes a line of a test program: what stands from `failures:` on is kept, and the counts of
    /// its last line, such as `test result: ok. 12 passed; 0 failed; 0 ignored; …`, are added.
    fn take(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result:") else {
            self.telling |= line == "failures:";
            if self.telling {
                self.told.push(line.to_owned());
            }
            return;
        };
        self.telling = false;
        let words =
            counts.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect::<Vec<_>>();
        for pair in words.windows(2) {
            match (pair[0].parse::<usize>(), pair[1]) {
                (Ok(n), "passed") => self.passed += n,
                (Ok(n), "failed") => self.failed += n,
                (Ok(_) | Err(_), _) => {}
            }
        }
    }
}

/// Installs Chromium and its driver where Debian has them and we may; the tests that need them
/// say so where not.
fn fetch_browser() {
    if find_program(&["chromium"]).is_some() && find_program(&["chromedriver"]).is_some() {
        return;
    }
    let may = rustix::process::geteuid().is_root() && find_program(&["apt-get"]).is_some();
    if !may {
        println!("Chromium is missing; the browser tests will be skipped. On Debian, as root:");
        println!("  apt-get install chromium chromium-driver");
        return;
    }
    fetch(&["chromium", "chromium-driver"], "the browser tests");
}

/// Installs strace where Debian has it and we may; the tests that need it say so where not.
fn fetch_strace() {
    let may = rustix::process::geteuid().is_root() && find_program(&["apt-get"]).is_some();
    match (find_program(&["strace"]), may) {
        (Some(_), _) => {}
        (None, true) => fetch(&["strace"], "the sweeps over system calls"),
        (None, false) => {
            println!("strace is missing; the sweeps over system calls will be skipped");
        }
    }
}

/// Installs Debian packages.
fn fetch(packages: &[&str], used_by: &str) {
    println!("fetching {} from Debian", packages.join(" and "));
    let install = [&["install", "-y", "-qq"], packages].concat();
    for arguments in [vec!["update", "-qq"], install] {
        let done = Command::new("apt-get")
            .args(&arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output();
        if !done.is_ok_and(|output| output.status.success()) {
            println!("apt-get {} failed; {used_by} will be skipped", arguments.join(" "));
            return;
        }
    }
}

/// Whether guests can be built; tries to add the target where rustup is there.
fn has_wasm_target() -> bool {
    let installed = || {
        let sysroot = Command::new("rustc")
            .args(["--print", "target-libdir", "--target", "wasm32-wasip2"])
            .output();
        sysroot.is_ok_and(|out| {
            std::path::Path::new(String::from_utf8_lossy(&out.stdout).trim()).is_dir()
        })
    };
    if installed() {
        return true;
    }
    println!("adding the wasm32-wasip2 target");
    let added = Command::new("rustup").args(["target", "add", "wasm32-wasip2"]).status();
    added.is_ok_and(|status| status.success()) && installed()
}

fn target_file(name: &str) -> PathBuf {
    build::target_folder().join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failed_test_said_is_kept_and_what_a_passed_one_said_is_not() {
        let mut tally = Tally::default();
        let said = "test a ... FAILED\n\nfailures:\n\n---- a stdout ----\nno\n\nfailures:\n    a\n\n\
            test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured\n\
            test b ... ok\ntest result: ok. 2 passed; 0 failed; 0 ignored; 0 measured";
        said.lines().for_each(|line| tally.take(line));
        assert_eq!((tally.passed, tally.failed), (5, 1));
        assert_eq!(tally.told.concat(), "failures:---- a stdout ----nofailures:    a");
    }
}
