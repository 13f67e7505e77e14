//! A worker beside its launcher.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use axum::Router;
use newleaf_domain::{Clock, Version};
use newleaf_update::port::Held;
use newleaf_update::{Ports, Settings, Updater};
use newleaf_web::Portal;
use newleaf_web::origin::{Origin, OriginPolicy};

use super::vitals::WorkerVitals;
use super::{BuildError, background, face, holding, make_folders, schedule, settings};
use crate::adapter::{
    self, Apps, DbLinks, DbSessions, DiskSlots, DiskStore, HostGround, JobRunner, Listening,
    SystemClock, TomlPolicies, WorkerLauncher,
};
use crate::config::{Config, Tls, scheme};
use crate::product::{Product, ProductContext};
use crate::program::named_in;
use crate::route::{self, Api, ApiParts, Places};
use crate::worker::{Routers, WorkerContext};

/// Builds everything a worker answers with, and loads the apps. What needs the baton waits for it
/// in the background.
///
/// # Errors
/// [`BuildError`]: this version cannot serve on this folder.
pub(crate) async fn build(
    product: &'static Product,
    worker: WorkerContext,
) -> Result<Routers, BuildError> {
    let dir = worker.dir();
    let config = crate::config::Settings::load(&dir)?.config;
    make_folders(&worker.layout);
    let core = face(product)?.version;
    let mut outbound = config.apps.outbound.settings(&config.repository.proxy);
    outbound.own = [worker.public.as_slice(), &worker.admin].concat();
    let (held, set) = (holding(&config), config.apps.clone());
    let apps = Apps::new(worker.layout.clone(), core, held, set, outbound, product.cookies)?;
    apps.load_all(&worker.control.state()).await;
    tracing::info!(apps = apps.count(), "apps are loaded");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ports = Ports {
        repository: adapter::open(&config.repository)?,
        store: Arc::new(DiskStore::new(&dir).with_migrations(product.migrations)),
        slots: Arc::new(DiskSlots::new(worker.layout.clone())),
        policies: Arc::new(TomlPolicies::new(&dir)),
        plugins: Arc::new(apps.clone()),
        launcher: Arc::new(WorkerLauncher::new(worker.control.clone(), &worker.layout)),
        ground: Arc::new(
            HostGround::new(&dir, listening(&worker)).with(worker.certificates.clone()),
        ),
        clock: Arc::clone(&clock),
    };
    let addresses = config.addresses(&worker.public);
    let set = Settings { addresses: addresses.clone(), ..settings(&config) };
    let updater = Updater::new(ports, set, face(product)?);
    background::start(&updater, &worker, &apps);
    let jobs = JobRunner::new(apps.clone(), worker.db.clone(), Arc::clone(&clock));
    schedule::start(&jobs, &worker, &clock);
    let places: Arc<dyn Places> = Arc::new(apps);
    let context = ProductContext {
        name: product.name,
        program: product.program,
        version: product.version,
        dir: dir.clone(),
        db: worker.db.clone(),
        apps: Arc::clone(&places),
    };
    let portal = portal(product, &worker, &config, &updater, &clock)?;
    let api = Api::new(ApiParts {
        updater,
        links: Arc::clone(&portal.links),
        portal: portal_address(&config, &worker),
        clock,
        jobs: Arc::new(jobs),
        vitals: Arc::new(WorkerVitals::new(worker.db.clone(), product, context.clone())),
        shutdown: worker.shutdown.clone(),
    });
    let gate = portal.gate();
    let owner =
        std::fs::metadata(&dir).map_err(|source| BuildError::Owner { path: dir, source })?.uid();
    Ok(Routers {
        public: route::public(places, (product.routes)(context.clone()), addresses),
        admin: named_in(route::admin(&api, pages(portal), gate), product.program),
        local: named_in(route::local(&api, owner), product.program),
        product: context,
    })
}

/// What the launcher holds, and a start would have to bind again.
fn listening(worker: &WorkerContext) -> Listening {
    let addresses = [worker.public.clone(), worker.admin.clone()].concat();
    Listening { addresses, held: Held::Now }
}

fn pages(portal: Portal) -> Router {
    newleaf_web::router(portal)
}

fn portal(
    product: &Product,
    worker: &WorkerContext,
    config: &Config,
    updater: &Arc<Updater>,
    clock: &Arc<dyn Clock>,
) -> Result<Portal, BuildError> {
    let version = Version::parse(product.version).map_err(BuildError::Product)?;
    Ok(Portal {
        updater: Arc::clone(updater),
        sessions: Arc::new(DbSessions(worker.db.clone())),
        links: Arc::new(DbLinks(worker.db.clone())),
        product: newleaf_web::ProductFace {
            name: product.name.to_owned(),
            version,
            apps: config.addresses(&worker.public),
        },
        origins: origins(worker, config)?,
        clock: Arc::clone(clock),
    })
}

/// Every address that the portal answers at: its listeners, their loopback names, and the one that
/// people type where a proxy stands before it or a certificate names it.
fn origins(worker: &WorkerContext, config: &Config) -> Result<OriginPolicy, BuildError> {
    let parse = |given: &str| {
        Origin::parse(given).map_err(|_| BuildError::Origin { given: given.to_owned() })
    };
    let mut all = OriginPolicy::of([]);
    let scheme = scheme(config.listen.admin_tls.as_ref());
    for address in &worker.admin {
        all = all.and(parse(&format!("{scheme}://{address}"))?);
        if address.ip().is_loopback() {
            all = all.and(parse(&format!("{scheme}://localhost:{}", address.port()))?);
        }
    }
    match &config.portal.origin {
        Some(origin) => Ok(all.and(parse(origin)?)),
        None => Ok(all),
    }
}

/// Where people open the portal.
fn portal_address(config: &Config, worker: &WorkerContext) -> Option<String> {
    let listener = || first_of(&worker.admin, config.listen.admin_tls.as_ref());
    config.portal.origin.clone().or_else(listener)
}

/// The first address, as it is typed.
fn first_of(addresses: &[SocketAddr], tls: Option<&Tls>) -> Option<String> {
    addresses.first().map(|address| format!("{}://{address}", scheme(tls)))
}
