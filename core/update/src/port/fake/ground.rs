//! Measurements that a test sets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use newleaf_domain::{ByteSize, Clock as _};

use super::{FakeClock, NOW};
use crate::port::{
    Area, ColdStart, FileRight, Filesystem, Given, Ground, GroundError, Held, Locality, Probe,
    ProbeFault, ProbeResult, Probed, Space,
};

/// A machine with much room, unless told otherwise.
#[derive(Debug)]
pub struct FakeGround {
    measures: Mutex<Measures>,
    clock: Arc<FakeClock>,
}

#[derive(Debug)]
struct Measures {
    refused: BTreeMap<Area, ProbeFault>,
    free: ByteSize,
    locality: Locality,
    noexec: Option<PathBuf>,
    /// Seconds by which the clock was set forward.
    jumped: i64,
}

impl Default for Measures {
    fn default() -> Self {
        let (free, locality) = (ByteSize::mib(4096), Locality::Local);
        Self { refused: BTreeMap::new(), free, locality, noexec: None, jumped: 0 }
    }
}

impl FakeGround {
    pub(super) fn new(clock: Arc<FakeClock>) -> Self {
        Self { measures: Mutex::default(), clock }
    }

    /// The clock jumps; wherever else a test sets it, that time has passed.
    pub fn jump(&self, seconds: i64) {
        self.edit(|it| it.jumped += seconds);
        self.clock.set(self.clock.now().plus_seconds(seconds));
    }

    /// From now on `area` cannot be written.
    pub fn refuse(&self, area: Area, fault: ProbeFault) {
        self.edit(|it| it.refused.insert(area, fault));
    }

    /// From now on so much is free.
    pub fn set_free(&self, free: ByteSize) {
        self.edit(|it| it.free = free);
    }

    /// From now on the folder is there.
    pub fn set_locality(&self, locality: Locality) {
        self.edit(|it| it.locality = locality);
    }

    /// From now on nothing runs that lies in the area.
    pub fn run_nothing_in(&self, area: Area) {
        self.edit(|it| it.noexec = Some(PathBuf::from(FOLDER).join(area.folder())));
    }

    fn edit<R>(&self, change: impl FnOnce(&mut Measures) -> R) -> R {
        change(&mut self.measures.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

const FOLDER: &str = "/srv/newleaf";

#[async_trait]
impl Ground for FakeGround {
    async fn probe(&self, area: Area) -> Probe {
        let refused = self.edit(|it| it.refused.get(&area).copied());
        let failed = |fault| ProbeResult::Failed {
            doing: "create a file",
            fault,
            detail: "Permission denied".to_owned(),
        };
        Probe {
            path: PathBuf::from(FOLDER).join(area.folder()),
            kind: Probed::Folder,
            owner: "root".to_owned(),
            mode: 0o755,
            user: "newleaf".to_owned(),
            result: refused.map_or(ProbeResult::Written, failed),
        }
    }

    async fn space(&self) -> Result<Space, GroundError> {
        Ok(Space { path: FOLDER.into(), free: self.edit(|it| it.free), inodes: Some(1_000_000) })
    }

    async fn filesystem(&self) -> Result<Filesystem, GroundError> {
        let locality = self.edit(|it| it.locality);
        let kind = if locality == Locality::Local { "ext4" } else { "nfs" };
        let noexec = self.edit(|it| it.noexec.clone());
        let (path, kind) = (FOLDER.into(), kind.to_owned());
        Ok(Filesystem { path, kind, locality, elsewhere: None, noexec })
    }

    fn passed(&self) -> Duration {
        let since = self.clock.now().seconds_since(NOW) - self.edit(|it| it.jumped);
        // What a test sets the clock back by has not passed either.
        Duration::from_secs(u64::try_from(since).unwrap_or(0))
    }

    async fn cold_start(&self) -> ColdStart {
        ColdStart {
            listeners: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            first_free: 1024,
            program: "/usr/local/bin/newleaf".into(),
            user: "newleaf".to_owned(),
            held: Held::Now,
            given: Given::Nothing,
            file: FileRight::Nothing,
            file_void: None,
            unit: None,
        }
    }
}
