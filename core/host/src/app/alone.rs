//! The command line in the place of a host that does not run.

use std::sync::Arc;
use std::time::Duration;

use newleaf_launcher::StoppedHost;
use newleaf_launcher::offline::Purpose;
use newleaf_update::port::Held;
use newleaf_update::{LeftBehind, Ports, Settings, Updater};
use newleaf_web::store::MemoryLinks;

use super::vitals::NothingRuns;
use super::{BuildError, face, holding, make_folders, settings};
use crate::adapter::{
    self, Apps, DiskSlots, DiskStore, FolderLauncher, HostGround, Listening, SystemClock,
    TomlPolicies,
};
use crate::config::Config;
use crate::product::Product;
use crate::route::{Api, ApiParts};
use crate::shutdown::Shutdown;

/// Why an app does not serve that is on and well.
const NO_HOST: &str = "no host runs";

/// An API over the folder itself. Nobody sends requests to apps meanwhile, so none is loaded until
/// an update needs it, and none is watched after its switch. What a crash left open is cleared up
/// where the folder was taken to change it; a command that looks leaves it as it found it.
///
/// # Errors
/// [`BuildError`].
pub(crate) async fn alone(
    product: &'static Product,
    host: StoppedHost,
    config: &Config,
) -> Result<Api, BuildError> {
    let purpose = host.purpose();
    let updater = offline(product, host, config).await?;
    if purpose != Purpose::Look
        && let Err(error) = updater.recover().await
    {
        tracing::error!(
            error = newleaf_update::explain::chain(&error),
            "what was interrupted is not cleared up"
        );
    }
    if let Err(error) = updater.note_checks().await {
        tracing::warn!(
            error = newleaf_update::explain::chain(&error),
            "nothing is noted of checks"
        );
    }
    // A plan that a host began is for the host to go on with.
    tokio::spawn(Arc::clone(&updater).keep_going(LeftBehind::Leave));
    let (_shutdown, never) = Shutdown::new();
    Ok(Api::new(ApiParts {
        updater,
        // No portal is served that a link could open; so `newleaf.db` is not opened, and may be lost.
        links: Arc::new(MemoryLinks::default()),
        portal: None,
        clock: Arc::new(SystemClock),
        vitals: Arc::new(NothingRuns),
        jobs: Arc::new(NothingRuns),
        shutdown: never,
    }))
}

/// An updater over the folder itself.
///
/// # Errors
/// [`BuildError`].
pub(crate) async fn offline(
    product: &'static Product,
    host: StoppedHost,
    config: &Config,
) -> Result<Arc<Updater>, BuildError> {
    let layout = host.layout().clone();
    make_folders(&layout);
    let core = face(product)?.version;
    let outbound = config.apps.outbound.settings(&config.repository.proxy);
    let (held, set) = (holding(config), config.apps.clone());
    let apps = Apps::new(layout.clone(), core, held, set, outbound, product.cookies)?;
    apps.know_all(host.state(), NO_HOST).await;
    let ports = Ports {
        repository: adapter::open(&config.repository)?,
        store: Arc::new(DiskStore::new(layout.dir()).with_migrations(product.migrations)),
        slots: Arc::new(DiskSlots::new(layout.clone())),
        policies: Arc::new(TomlPolicies::new(layout.dir())),
        plugins: Arc::new(apps),
        launcher: Arc::new(FolderLauncher::new(host.with_tries(config.core.tries.get()), &layout)),
        ground: Arc::new(HostGround::new(layout.dir(), listening(config))),
        clock: Arc::new(SystemClock),
    };
    let addresses = config.addresses(&config.listen.public);
    let waits = Settings { probation: Duration::ZERO, addresses, ..settings(config) };
    Ok(Updater::new(ports, waits, face(product)?))
}

/// What a start would listen on.
fn listening(config: &Config) -> Listening {
    let addresses = [config.listen.public.clone(), config.listen.admin.clone()].concat();
    Listening { addresses, held: Held::Not }
}
