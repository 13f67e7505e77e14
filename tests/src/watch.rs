//! Waits for what a host writes into its folder, by the system's own word (`inotify(7)`).

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::{read, retry_on_intr};

/// Looks now, and again after each change of a file that lies in `folder`, until something is found;
/// none where nothing was within this time.
pub fn wait_for<T>(
    folder: &Path,
    within: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> Option<T> {
    let told = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
    // Before the first look, so that no change comes between.
    let changes = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_TO;
    add_watch(&told, folder, changes | WatchFlags::DELETE).unwrap();
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap();
        let polled = || poll(&mut [PollFd::new(&told, PollFlags::IN)], Some(&left));
        if retry_on_intr(polled).unwrap() == 0 {
            return None;
        }
        // What has changed is looked at, whatever it was.
        while read(&told, &mut [0; 4096]).is_ok_and(|length| length > 0) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_later_is_found_and_what_never_comes_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let text = || std::fs::read_to_string(&path).ok().filter(|text| text.len() > 3);
        assert_eq!(wait_for(dir.path(), Duration::from_millis(1), text), None);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for text in ["one", "longer"] {
                    std::fs::write(dir.path().join("new"), text).unwrap();
                    std::fs::rename(dir.path().join("new"), &path).unwrap();
                }
            });
            let found = wait_for(dir.path(), Duration::from_mins(1), text);
            assert_eq!(found.as_deref(), Some("longer"));
        });
    }
}
