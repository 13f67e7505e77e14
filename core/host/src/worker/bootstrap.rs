//! A worker's life: hello, database, pages, ready, go, drain.

use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::Clock;
use newleaf_launcher::proto::{EXIT_MACHINE, Heir, Pulse, ToLauncher};
use newleaf_launcher::{Layout, lock};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::hello::{Hello, HelloError, addresses};
use super::{Control, ControlError, Routers, Standing, WorkerContext, private};
use crate::adapter::SystemClock;
use crate::app::BuildError;
use crate::config::{ConfigError, Settings};
use crate::db::{Db, DbError};
use crate::http::tls::Certificates;
use crate::http::{self, Crowd, Door, Idle, Listener, Manners, Traffic};
use crate::product::Product;
use crate::shutdown::{Shutdown, ShutdownWatch};

/// How long a worker whose launcher died goes on with what is under way. The next launcher waits
/// twice as long for it.
const ORPHAN_WITHIN: Duration = Duration::from_secs(5);

/// Why a worker could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// `newleaf.toml` is not understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The launcher's first message.
    #[error(transparent)]
    Hello(#[from] HelloError),
    /// The way to the launcher.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// HTTPS cannot be spoken.
    #[error("speak TLS")]
    Tls(#[from] rustls::Error),
    /// The worker before still has a certificate, this one would have none.
    #[error("take over the addresses that speak HTTPS: {0}")]
    Certificate(String),
    /// Updates, apps and pages could not be put together.
    #[error("put the host together")]
    Build(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The system refused.
    #[error("{action}")]
    System {
        /// What was being done.
        action: &'static str,
        /// What it said.
        #[source]
        source: std::io::Error,
    },
}

impl WorkerError {
    fn system(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { action, source }
    }

    /// Tells the launcher whether this version is to blame.
    pub(super) fn exit_code(&self) -> ExitCode {
        if self.is_machine() {
            ExitCode::from(u8::try_from(EXIT_MACHINE).unwrap_or(1))
        } else {
            ExitCode::FAILURE
        }
    }

    fn is_machine(&self) -> bool {
        if let Self::Db(error) = self {
            return error.is_machine();
        }
        if let Self::Certificate(_) | Self::Config(_) = self {
            return true;
        }
        let error: &(dyn std::error::Error + 'static) = self;
        std::iter::successors(Some(error), |error| error.source()).any(|error| {
            error.downcast_ref::<std::io::Error>().is_some_and(newleaf_launcher::serve::is_machine)
                || error.downcast_ref::<DbError>().is_some_and(DbError::is_machine)
                || error.downcast_ref::<BuildError>().is_some_and(BuildError::is_machine)
        })
    }
}

/// Runs a worker to its end.
pub(super) fn run(product: &'static Product, dir: &Path) -> Result<(), WorkerError> {
    let settings = super::begin_log(dir)?;
    // Before the first use of SQLite, or never; whether it is so is told where the apps begin.
    newleaf_plugin_host::storage::bound_memory();
    let hello = Hello::receive()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(WorkerError::system("start the runtime"))?;
    let done = runtime.block_on(live(product, dir, hello, &settings));
    // What still blocks (a guest's query, say) is not waited for: the process ends.
    runtime.shutdown_background();
    done
}

async fn live(
    product: &'static Product,
    dir: &Path,
    hello: Hello,
    settings: &Settings,
) -> Result<(), WorkerError> {
    let config = &settings.config;
    ignore_signals()?;
    http::raise_descriptors();
    let manners = Manners::of(&config.http, &config.core);
    let Hello { wire, state, public, admin, local, probe_socket, is_trial, hold } = hello;
    let slots = lock::hold_slots(&Layout::new(dir));
    let control =
        Control::start(wire, state).map_err(WorkerError::system("listen to the launcher"))?;
    let (shutdown, watch) = Shutdown::new();
    tokio::spawn(obey(control.clone(), shutdown));
    let db = Db::open_existing(dir).await?;
    db.check(product.migrations).await?;
    let traffic = Arc::new(Traffic::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let certificates = Certificates::open(&config.listen, dir, &clock);
    // A rehearsal has no doors, and files that are named from the host's folder are not in its own.
    let has_doors = !(public.is_empty() && admin.is_empty());
    if let (true, Some(notice)) = (is_trial && has_doors, certificates.silent()) {
        return Err(WorkerError::Certificate(notice.text));
    }
    certificates.follow(&watch);
    let context = WorkerContext {
        layout: Layout::new(dir),
        db: db.clone(),
        control: control.clone(),
        shutdown: watch.clone(),
        traffic: Arc::clone(&traffic),
        certificates: certificates.clone(),
        public: addresses(&public),
        admin: addresses(&admin),
    };
    let routers = crate::app::build(product, context)
        .await
        .map_err(|error| WorkerError::Build(Box::new(error)))?;
    let private = private::door(&probe_socket, product.health, routers.product.clone())
        .map_err(WorkerError::system("open the private socket"))?;
    let probed = spawn(vec![private], &watch, &Arc::new(Traffic::default()), manners);
    tracing::info!(version = product.version, "ready");
    tokio::spawn(control.clone().show_life());
    control.send(&ToLauncher::Ready {
        schema: product.schema(),
        protocol: crate::protocol::spoken(),
        pulse: Pulse::Answered,
        oldest_reader: crate::db::oldest_reader(dir).await?,
    })?;
    if control.baton().await {
        let tls = [certificates.public()?, certificates.admin()?];
        let doors = doors(routers, (public, admin, local), tls, config.http.public_connections)
            .map_err(WorkerError::system("take over the listeners"))?;
        tracing::info!(version = product.version, "serving");
        if let Err(error) = settings.keep(dir) {
            tracing::warn!("the settings that serve could not be kept: {error}");
        }
        http::serve(doors, watch, traffic, manners).await;
    }
    finish(&control, &db, &probe_socket).await;
    probed.abort();
    drop((hold, slots));
    Ok(())
}

fn spawn(
    doors: Vec<Door>,
    watch: &ShutdownWatch,
    traffic: &Arc<Traffic>,
    manners: Manners,
) -> JoinHandle<()> {
    tokio::spawn(http::serve(doors, watch.clone(), Arc::clone(traffic), manners))
}

fn doors(
    routers: Routers,
    (public, admin, local): (Vec<TcpListener>, Vec<TcpListener>, UnixListener),
    [public_tls, admin_tls]: [Option<TlsAcceptor>; 2],
    public_connections: Option<NonZeroUsize>,
) -> std::io::Result<Vec<Door>> {
    let crowd = Crowd::of(http::public_share(public_connections));
    let sides = [
        (public, routers.public, public_tls, crowd, Idle::Stays),
        // Changes are asked for there, and only who holds the baton is heard.
        (admin, routers.admin, admin_tls, Crowd::admin(), Idle::Goes),
    ];
    let mut doors = Vec::new();
    for (listeners, router, tls, crowd, idle) in sides {
        for listener in listeners {
            let (router, tls, crowd) = (router.clone(), tls.clone(), Some(Arc::clone(&crowd)));
            doors.push(Door { listener: Listener::tcp(listener)?, tls, router, crowd, idle });
        }
    }
    let (listener, router) = (Listener::unix(local)?, routers.local);
    doors.push(Door { listener, tls: None, router, crowd: None, idle: Idle::Goes });
    Ok(doors)
}

/// Turns the launcher's orders into the worker's own end.
async fn obey(control: Control, shutdown: Shutdown) {
    let mut standing = control.watch_standing();
    loop {
        let now = *standing.borrow_and_update();
        match now {
            Standing::Waiting | Standing::Serving => {}
            Standing::Draining(within, Heir::Serves) => shutdown.hand_over(within),
            Standing::Draining(within, Heir::None) => shutdown.begin(within),
            Standing::Orphaned => shutdown.begin(ORPHAN_WITHIN),
        }
        if now == Standing::Orphaned || standing.changed().await.is_err() {
            return;
        }
    }
}

/// Says good-bye and leaves nothing behind.
async fn finish(control: &Control, db: &Db, probe_socket: &Path) {
    db.close().await;
    // The launcher may be gone, and then the socket is the next worker's to replace.
    drop(control.send(&ToLauncher::Drained));
    drop(std::fs::remove_file(probe_socket));
}

/// A service manager may signal the whole group; only the launcher's orders count here.
fn ignore_signals() -> Result<(), WorkerError> {
    for kind in [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()] {
        // The handler stays when its listener goes, so the signal does nothing from now on.
        drop(signal(kind).map_err(WorkerError::system("ignore signals"))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_serve_blame_no_version() {
        let path = Path::new("newleaf.toml");
        let torn = crate::config::Config::parse("[repository", path).unwrap_err();
        let given = "not an origin".to_owned();
        for error in [
            WorkerError::Certificate("there is none".to_owned()),
            WorkerError::Build(Box::new(BuildError::Origin { given })),
            WorkerError::Build(Box::new(BuildError::Config(torn))),
        ] {
            assert!(error.is_machine(), "{error}");
        }
        let product = newleaf_domain::Version::parse("no version").unwrap_err();
        assert!(!WorkerError::Build(Box::new(BuildError::Product(product))).is_machine());
    }
}
