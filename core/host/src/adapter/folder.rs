//! The ports over the folder of a host that does not run, for tests that make the disk fail under it:
//! everything on disk is filled as on every host, what comes from elsewhere is given.

use std::sync::Arc;

use newleaf_domain::Clock;
use newleaf_launcher::StoppedHost;
use newleaf_update::Ports;
use newleaf_update::port::{Held, Plugins, Repository};

use super::{DiskSlots, DiskStore, FolderLauncher, HostGround, Listening, TomlPolicies};

/// The ports of an updater over `host`'s folder, which is held until the last of them is dropped.
pub fn ports_of_folder(
    host: StoppedHost,
    repository: Arc<dyn Repository>,
    plugins: Arc<dyn Plugins>,
    clock: Arc<dyn Clock>,
) -> Ports {
    let layout = host.layout().clone();
    let listening = Listening { addresses: Vec::new(), held: Held::Not };
    Ports {
        repository,
        store: Arc::new(DiskStore::new(layout.dir())),
        slots: Arc::new(DiskSlots::new(layout.clone())),
        policies: Arc::new(TomlPolicies::new(layout.dir())),
        plugins,
        launcher: Arc::new(FolderLauncher::new(host, &layout)),
        ground: Arc::new(HostGround::new(layout.dir(), listening)),
        clock,
    }
}
