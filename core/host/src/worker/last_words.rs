//! The last words of a worker that fails: why, told to the launcher before the process ends, so
//! that records and pages can say more than its exit status. Never waits, and never fails.

use std::sync::Arc;

use newleaf_launcher::proto::ToLauncher;
use newleaf_launcher::wire::{Blocking, Wire};

use crate::support::redacted;

/// The way they take. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct LastWords(Option<Arc<Wire>>);

impl LastWords {
    /// Over the control socket, for as long as it is still the standard input.
    pub(super) fn over_stdin() -> Self {
        // Without it there is nobody to tell; the worker says so itself next.
        Self(Wire::from_stdin().ok().map(Arc::new))
    }

    /// Says why the process ends.
    pub(super) fn say(&self, why: &str) {
        if let Some(wire) = &self.0 {
            // The log has it anyway, and a launcher that is gone or does not read wants none.
            let words = ToLauncher::LastWords { why: redacted(why) };
            drop(wire.send(&words, &[], Blocking::No));
        }
    }

    /// Says a panic too, where it ends the process: anywhere else one request or task fails alone.
    pub(super) fn of_panics(self) {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_main = std::thread::current().name() == Some("main");
            if is_main || cfg!(panic = "abort") {
                self.say(&panic.to_string());
            }
            before(panic);
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_reach_the_launcher_without_secrets() {
        let (launcher, worker) = Wire::pair().unwrap();
        let words = LastWords(Some(Arc::new(worker.into())));
        words.say("reach https://ada:pass@proxy.example.com/: refused");
        drop(words);
        let (ToLauncher::LastWords { why }, _) = launcher.receive().unwrap() else {
            panic!("something else was said");
        };
        assert!(why.ends_with(": refused") && !why.contains("pass"), "{why}");
        LastWords(None).say("nobody hears it");
    }
}
