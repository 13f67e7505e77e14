//! What `strace` runs: one story of a machine whose disk fails, or one life of a launcher.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use newleaf_tests::fault::{Releases, Story, growth, in_one_thread, launched, strace};

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1).collect::<Vec<_>>();
    let words = arguments.iter().map(String::as_str).collect::<Vec<_>>();
    match words[..] {
        ["play", story, dir] => play(story, Path::new(dir)),
        ["grow", dir] => grow(Path::new(dir)),
        _ => launched::play(&words),
    }
}

/// A story whose machine does not start, or refuses to begin, ends with status 1.
fn play(story: &str, dir: &Path) -> ExitCode {
    let Some(story) = Story::named(story) else { return ExitCode::from(2) };
    let releases = Releases::new();
    let told = in_one_thread(async {
        let ballast = || strace::make_ballast(strace::Ballast::Alone);
        if tokio::task::spawn_blocking(ballast).await.is_err() {
            return false;
        }
        story.play(dir, &releases).await.is_ok()
    });
    if told { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// An update of core, as far as its data goes.
fn grow(dir: &Path) -> ExitCode {
    match growth::play(dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // What cannot be told is seen by the status.
            drop(writeln!(std::io::stderr(), "{why}"));
            ExitCode::FAILURE
        }
    }
}
