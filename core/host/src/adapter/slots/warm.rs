//! Lets a new version of core compile and link the installed apps, as a child that runs nothing of
//! them.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use newleaf_update::port::{BrokenApp, ExpandError, WarmLine, Warmed};
use tokio::process::Command;

use super::program;

/// The status of a command line that is not understood: of a version before there was `--prewarm`.
const USAGE: i32 = 2;

/// Runs `worker --prewarm` of a slot's program to its end; none where it does not know how to.
pub(super) async fn prewarm(
    program: &Path,
    dir: &Path,
    within: Duration,
) -> Result<Option<Warmed>, ExpandError> {
    let start = |source| ExpandError::Start { path: program.to_owned(), source };
    let run = Command::new(program)
        .args(["worker", "--prewarm", "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(within, run).await {
        Ok(output) => output.map_err(start)?,
        Err(_) => return Err(ExpandError::TooSlow { within }),
    };
    if output.status.code() == Some(USAGE) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(program::ended(output.status, text.lines().last().unwrap_or_default()));
    }
    Ok(Some(read(&text)))
}

fn read(text: &str) -> Warmed {
    let mut warmed = Warmed::default();
    // A line of a form that a newer version may have is no app's.
    for line in text.lines().filter_map(|line| serde_json::from_str::<WarmLine>(line).ok()) {
        warmed.apps += 1;
        if let Some(why) = line.hindered {
            tracing::warn!(app = %line.app, why, "an app was not compiled ahead");
        }
        warmed.broken.extend(line.broken.map(|why| BrokenApp { app: line.app, why }));
    }
    warmed
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn said_by(text: &str) -> Result<Option<Warmed>, ExpandError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        prewarm(&path, dir.path(), Duration::from_mins(1)).await
    }

    #[tokio::test]
    async fn apps_that_break_are_counted_and_named_with_their_reason() {
        let told = said_by(
            r#"echo '{"app":"acme/a"}'; echo '{"app":"acme/b","broken":"it imports x"}'
            echo '{"app":"acme/c","hindered":"no memory"}'; echo '{"newer":1}'"#,
        );
        let warmed = told.await.unwrap().unwrap();
        assert_eq!(warmed.apps, 3);
        assert_eq!(warmed.breaks().unwrap(), "1 of 3 apps breaks: acme/b, because it imports x");
    }

    #[tokio::test]
    async fn a_version_that_cannot_prewarm_or_breaks_down_over_it_is_told_apart() {
        assert_eq!(said_by("exit 2").await.unwrap(), None);
        assert!(!said_by("exit 1").await.unwrap_err().is_machine_fault());
        assert!(said_by("exit 75").await.unwrap_err().is_machine_fault());
    }
}
