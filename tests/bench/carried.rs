//! The three forms of a core: how large, how much work, how much memory.

use std::path::Path;
use std::process::Command;

use newleaf_tests::process::{Ran, find_program};
use newleaf_tests::skip::{all_tier, skipped};

use crate::cores::{Cores, length};
use crate::measured::Times;

/// Runs of each kind; they take turns, so that what else the machine does befalls all alike.
const RUNS: usize = 5;

/// Makes the package of the delta, as a host does, in a process of its own.
fn delta(cores: &Cores) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.arg("delta").arg(&cores.slot).arg(cores.old.sha256.to_string());
    command.arg(cores.path("delta.zst")).arg(cores.path("made.zip"));
    signed(&mut command, cores);
    command
}

/// Expands the copy, verifies and unpacks it.
fn copy(cores: &Cores, slot: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.arg("copy").arg(cores.path("copy.zst")).arg(cores.path("made.zip")).arg(slot);
    signed(&mut command, cores);
    command
}

/// Verifies and unpacks the package as it is.
fn plain(cores: &Cores, slot: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.arg("plain").arg(cores.path("new.zip")).arg(slot);
    signed(&mut command, cores);
    command
}

fn signed(command: &mut Command, cores: &Cores) {
    command.arg("--length").arg(cores.new.length.as_u64().to_string());
    command.arg("--sha256").arg(cores.new.sha256.to_string());
}

fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown with three decimals")]
    let ratio = part as f64 / whole as f64;
    ratio
}

#[test]
fn a_delta_of_two_consecutive_cores_is_small_and_costs_little_memory() {
    if !all_tier("the size of a delta of core") {
        return;
    }
    let cores = Cores::make();
    let (size, binary) = (length(&cores.path("delta.zst")), cores.binary);
    let size = ratio(size, binary);
    println!("delta: {size:.3} of a binary of {binary} bytes (at most 0.15)");
    let said = Ran::ok(&mut delta(&cores)).stdout;
    let memory = ratio(said.trim().parse().unwrap(), binary);
    println!("memory to apply it: {memory:.2} times the binary (at most 2.3)");
    tell_processor_time(&cores);
    assert!(size <= 0.15, "the delta is {size:.3} of the binary");
    assert!(memory <= 2.3, "to apply the delta took {memory:.2} times the binary");
}

/// Processor time against the tools that everybody has, told and not asserted.
fn tell_processor_time(cores: &Cores) {
    let tools = ["sha256sum", "unzip", "zip"];
    if let Some(missing) = tools.into_iter().find(|tool| find_program(&[tool]).is_none()) {
        return skipped("the processor time of verify and apply", missing);
    }
    let deflated = cores.deflated();
    let [mut tools, mut of_plain, mut of_copy, mut of_delta] = [(); 4].map(|()| Times::default());
    for run in 0..RUNS {
        let folder = |kind: &str| cores.path(&format!("{kind}-{run}"));
        let script = "sha256sum \"$1\" && unzip -q \"$1\" -d \"$2\"";
        let mut shell = Command::new("sh");
        tools.add(shell.args(["-c", script, "sh"]).arg(&deflated).arg(folder("tools")));
        of_plain.add(&mut plain(cores, &folder("plain")));
        of_copy.add(&mut copy(cores, &folder("copy")));
        of_delta.add(&mut delta(cores));
        for kind in ["tools", "plain", "copy"] {
            std::fs::remove_dir_all(folder(kind)).unwrap();
        }
    }
    let (base, least, most) = tools.median();
    println!("sha256sum + unzip: {base:.2} s ({least:.2} to {most:.2})");
    for (name, times, aim) in [
        ("package: verify + unpack", of_plain, 1.1),
        ("copy: expand + verify + unpack", of_copy, 1.1),
        ("delta: rebuild + apply + verify", of_delta, 0.5),
    ] {
        let (median, least, most) = times.median();
        let ratio = median / base;
        let verdict = if ratio <= aim { "reached" } else { "MISSED" };
        println!(
            "{name}: {median:.2} s ({least:.2} to {most:.2}), {ratio:.2} times (aim {aim}: {verdict})"
        );
    }
}
