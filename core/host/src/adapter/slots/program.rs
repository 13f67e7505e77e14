//! Starts the program of a core slot for a short task: what it says of itself, and the extension
//! of the database.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use newleaf_launcher::proto::EXIT_MACHINE;
use newleaf_update::port::{ExpandError, SelfTest, SlotError};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// How long a program may take to say what it is: 100 times what the slowest measured one needed.
const SELF_TEST_WITHIN: Duration = Duration::from_secs(10);

/// `ETXTBSY`: a child that was forked while the file was being written still holds it open, until
/// its own exec a moment later.
const TEXT_BUSY: i32 = 26;
const BUSY_TRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// Asks a program what it is.
pub(super) async fn self_test(program: &Path) -> Result<SelfTest, SlotError> {
    let failed = |detail: String| SlotError::SelfTest { path: program.to_owned(), detail };
    let output = match tokio::time::timeout(SELF_TEST_WITHIN, output(program)).await {
        Err(_) => {
            return Err(failed(format!("it did not end within {} s", SELF_TEST_WITHIN.as_secs())));
        }
        Ok(Err(source)) if newleaf_launcher::serve::is_machine(&source) => {
            return Err(SlotError::Io { doing: "started", path: program.to_owned(), source });
        }
        Ok(Err(source)) => return Err(failed(format!("it cannot be started: {source}"))),
        Ok(Ok(output)) => output,
    };
    if was_stopped(output.status) {
        let source = std::io::Error::other(format!("it ended with {}", output.status));
        return Err(SlotError::Io { doing: "asked what it is", path: program.to_owned(), source });
    }
    if !output.status.success() {
        return Err(failed(format!(
            "it ended with {}: {}",
            output.status,
            last_line(&output.stderr)
        )));
    }
    let line = output.stdout.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(line)
        .map_err(|error| failed(format!("what it says is not understood: {error}")))
}

async fn output(program: &Path) -> std::io::Result<Output> {
    let mut tries = 0;
    loop {
        let run = Command::new(program)
            .arg("--self-test")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await;
        tries += 1;
        match run {
            Err(error) if error.raw_os_error() == Some(TEXT_BUSY) && tries < BUSY_TRIES => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            done => return done,
        }
    }
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines()
        .rfind(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing")
        .chars()
        .take(300)
        .collect()
}

/// Runs `worker --expand` of a slot's program on the host in `dir`, and waits for its end.
pub(super) async fn expand(
    program: &Path,
    dir: &Path,
    within: Duration,
    heard: &(dyn Fn(&str) + Send + Sync),
) -> Result<(), ExpandError> {
    let mut child = Command::new(program)
        .args(["worker", "--expand", "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| ExpandError::Start { path: program.to_owned(), source })?;
    let lines = child.stdout.take().map(|out| BufReader::new(out).lines());
    let work = async {
        let mut last = "it said nothing".to_owned();
        if let Some(mut lines) = lines {
            while let Ok(Some(line)) = lines.next_line().await {
                heard(&line);
                last = line;
            }
        }
        (child.wait().await, last)
    };
    match tokio::time::timeout(within, work).await {
        Ok((Ok(status), _)) if status.success() => Ok(()),
        Ok((Ok(status), last)) => Err(ended(status, &last)),
        Ok((Err(source), _)) => Err(ExpandError::Start { path: program.to_owned(), source }),
        Err(_) => {
            // Its work is in short transactions: the next try goes on where this one was ended.
            drop(child.kill().await);
            Err(ExpandError::TooSlow { within })
        }
    }
}

/// How a failed expand is judged: by what the child says of itself, and not against it where it was
/// ended from outside, by the system for want of memory or by a person.
pub(super) fn ended(status: std::process::ExitStatus, last: &str) -> ExpandError {
    let detail = format!("it ended with {status} after: {last}");
    if was_stopped(status) || status.code() == Some(EXIT_MACHINE) {
        return ExpandError::Machine { detail };
    }
    ExpandError::Failed { detail }
}

/// Whether a program was ended from outside.
fn was_stopped(status: std::process::ExitStatus) -> bool {
    use rustix::process::Signal;
    let outside = [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP].map(Signal::as_raw);
    status.signal().is_some_and(|signal| outside.contains(&signal))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn script(dir: &Path, text: &str) -> std::path::PathBuf {
        let path = dir.join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_program_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let program = script(dir.path(), r#"echo '{"version":"1.1.0","protocol":1,"schema":2}'"#);
        let said = self_test(&program).await.unwrap();
        assert_eq!((said.version.as_str(), said.protocol, said.schema), ("1.1.0", 1, 2));
    }

    /// Expands with a program that does what `text` says, within `millis`.
    async fn expanded_by(text: &str, millis: u64) -> ExpandError {
        let dir = tempfile::tempdir().unwrap();
        let program = script(dir.path(), text);
        let within = Duration::from_millis(millis);
        expand(&program, dir.path(), within, &|_| {}).await.unwrap_err()
    }

    #[tokio::test]
    async fn an_expand_that_fails_by_itself_is_quoted_and_blamed() {
        for text in
            ["echo 'no such table: notice'; exit 1", "echo 'no such table: notice'; kill -ABRT $$"]
        {
            let error = expanded_by(text, 60_000).await;
            assert!(error.to_string().contains("no such table: notice"), "{error}");
            assert!(!error.is_machine_fault(), "{error}");
        }
    }

    #[tokio::test]
    async fn an_expand_that_the_machine_stops_is_no_evidence() {
        let full = format!("echo 'database or disk is full'; exit {EXIT_MACHINE}");
        for (text, millis) in
            [(full.as_str(), 60_000), ("kill -KILL $$", 60_000), ("exec sleep 60", 20)]
        {
            let error = expanded_by(text, millis).await;
            assert!(error.is_machine_fault(), "{text}: {error}");
        }
    }

    /// A program of these bytes.
    fn binary(dir: &Path, bytes: &[u8]) -> std::path::PathBuf {
        let path = script(dir, "");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[tokio::test]
    async fn a_program_that_cannot_run_here_is_found_out_by_its_self_test() {
        let dir = tempfile::tempdir().unwrap();
        let ours = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        // Bytes 18 and 19 of an ELF file name the machine; this one is no longer made.
        let mut foreign = ours[..4096].to_vec();
        foreign[18..20].copy_from_slice(&[0x08, 0x00]);
        let cases: [(&str, Vec<u8>); 6] = [
            ("of another machine", foreign),
            ("cut short", ours[..100].to_vec()),
            ("empty", Vec::new()),
            ("without its loader", b"#!/no/such/loader\n".to_vec()),
            ("crashes", b"#!/bin/sh\nkill -SEGV $$\n".to_vec()),
            ("exits", b"#!/bin/sh\nexit 1\n".to_vec()),
        ];
        for (what, bytes) in cases {
            let error = self_test(&binary(dir.path(), &bytes)).await.unwrap_err();
            assert!(!error.is_machine_fault(), "{what}: {error}");
        }
    }

    #[tokio::test]
    async fn a_program_that_is_ended_from_outside_is_not_to_blame() {
        let dir = tempfile::tempdir().unwrap();
        let error = self_test(&script(dir.path(), "kill -KILL $$")).await.unwrap_err();
        assert!(error.is_machine_fault(), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_fails_is_quoted() {
        let dir = tempfile::tempdir().unwrap();
        let program = script(dir.path(), "echo 'no such library' >&2; exit 127");
        let error = self_test(&program).await.unwrap_err();
        assert!(error.to_string().contains("no such library"), "{error}");
        assert!(!error.is_machine_fault());
    }
}
