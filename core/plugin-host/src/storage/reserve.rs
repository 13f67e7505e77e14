//! Keeps a part of the disk from apps, so that the host can still write its records, update and go
//! back while they fill what they were granted. Looks at the filesystem; refuses nothing itself.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use newleaf_domain::ByteSize;

use crate::limits::Reserve;

/// The time between two looks at the filesystem: what apps write in it is far less than a reserve.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The usual reserve, at the least, and as a part of the filesystem.
const USUAL: (ByteSize, u64) = (ByteSize::mib(256), 100);

/// No usual reserve is more than this part: a small filesystem is there to be used.
const MOST: u64 = 10;

/// What of the disk below an app's data is not the app's.
#[derive(Debug)]
pub(super) struct Floor {
    folder: PathBuf,
    reserve: Reserve,
    last: Mutex<Option<Look>>,
}

/// What was found when it was looked last.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    is_low: bool,
}

impl Floor {
    /// Of the filesystem that `folder` is on.
    pub(super) fn below(folder: &Path, reserve: Reserve) -> Self {
        Self { folder: folder.to_owned(), reserve, last: Mutex::default() }
    }

    /// Whether less than the reserve is free. The log is told when it begins and when it ends.
    pub(super) fn is_reached(&self, now: Instant) -> bool {
        if self.reserve == Reserve::Of(ByteSize::bytes(0)) {
            return false;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = *last
            && now.saturating_duration_since(look.at) < LOOK_EVERY
        {
            return look.is_low;
        }
        let was_low = last.is_some_and(|look| look.is_low);
        let is_low = self.look(was_low);
        *last = Some(Look { at: now, is_low });
        is_low
    }

    /// Looks at the filesystem; one that cannot be asked is not low.
    fn look(&self, was_low: bool) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.folder) else { return false };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let reserve = bytes(self.reserve, disk.f_blocks.saturating_mul(disk.f_frsize));
        let is_low = free < reserve;
        if is_low != was_low {
            let (free, reserve) = (ByteSize::bytes(free), ByteSize::bytes(reserve));
            let folder = self.folder.display();
            if is_low {
                tracing::warn!(
                    %folder, %free, %reserve,
                    "the app's writes are refused: less of the disk is free than apps.reserve in \
                     newleaf.toml keeps for the host; make room"
                );
            } else {
                tracing::info!(%folder, %free, %reserve, "the app may write again");
            }
        }
        is_low
    }
}

/// The reserve of a filesystem of `total` bytes.
fn bytes(reserve: Reserve, total: u64) -> u64 {
    match reserve {
        Reserve::Of(size) => size.as_u64(),
        Reserve::Usual => {
            let (least, part) = USUAL;
            least.as_u64().max(total / part).min(total / MOST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_reserve_fits_the_filesystem() {
        let of = |gib: u64| bytes(Reserve::Usual, gib << 30) >> 20;
        assert_eq!([of(1), of(10), of(25), of(1000)], [102, 256, 256, 10_240]);
        assert_eq!(bytes(Reserve::Of(ByteSize::mib(3)), 1), 3 << 20);
    }

    #[test]
    fn the_filesystem_is_asked_now_and_then_and_not_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let floor = Floor::below(folder.path(), Reserve::Of(ByteSize::bytes(u64::MAX)));
        let begin = Instant::now();
        assert!(floor.is_reached(begin));
        drop(folder);
        assert!(floor.is_reached(begin + LOOK_EVERY / 2), "it was asked again at once");
        assert!(!floor.is_reached(begin + LOOK_EVERY), "a folder that is gone was low");
    }
}
