//! How things stand where a command fails that does not say: whether a host runs on the folder, and
//! what starts it where none does. Changes nothing.

use std::path::Path;

use newleaf_domain::shell;
use newleaf_launcher::{Layout, lock};

use crate::route::Problem;

/// `problem`, which says how things stand in `dir`.
pub(super) fn told(problem: Problem, dir: Option<&Path>) -> Problem {
    match dir.and_then(|dir| std::path::absolute(dir).ok()) {
        Some(dir) if problem.state == Problem::UNTOLD => problem.state(found(&dir)),
        Some(_) | None => problem,
    }
}

/// How things stand in `dir`, which this process does not hold.
fn found(dir: &Path) -> String {
    let layout = Layout::new(dir);
    match lock::running(&layout) {
        Some(_) => "the host goes on as before".to_owned(),
        None if layout.state().exists() => stopped(dir),
        None => "no host runs".to_owned(),
    }
}

/// What is said of a host in `dir` that does not run.
pub(super) fn stopped(dir: &Path) -> String {
    format!("no host runs; start it: newleaf serve --dir {}", shell::word(dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Kind;

    #[test]
    fn what_does_not_run_is_not_said_to_run() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a host");
        std::fs::create_dir(&folder).unwrap();
        let problem = || Problem::new(Kind::Failed, "look");
        assert_eq!(told(problem(), Some(&folder)).state, "no host runs");
        std::fs::write(folder.join("state"), "").unwrap();
        let state = told(problem(), Some(&folder)).state;
        assert!(state.starts_with("no host runs; start it: newleaf serve --dir '/"), "{state}");
        let _held = lock::HostLock::acquire(&Layout::new(&folder)).unwrap();
        assert_eq!(told(problem(), Some(&folder)).state, "the host goes on as before");
        assert_eq!(told(problem().state("x"), Some(&folder)).state, "x");
    }
}
