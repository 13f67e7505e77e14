//! Ends what all tests share once this process has ended, however it ended: nobody drops a static.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use newleaf_tests::process::Process;

/// Waits for the end of its input, which is this process's end; then kills the groups it was given
/// and removes the folder.
const SCRIPT: &str = r#"
cat >/dev/null
folder=$1; shift
for group; do kill -s KILL -- "-$group"; done
rm -rf "$folder"
"#;

/// A process that outlives this one for a moment.
#[derive(Debug)]
pub(crate) struct Keeper(#[expect(dead_code, reason = "its input closes with this process")] Child);

impl Keeper {
    /// Sees to the end of `processes` and of `folder`.
    pub(crate) fn of(folder: &Path, processes: &[&Process]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "keeper"]).arg(folder);
        for process in processes {
            command.arg(process.pid().as_raw_nonzero().to_string());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.process_group(0).spawn().unwrap())
    }
}
