//! What is served when no version can be started: the public is told to come back; whoever looks
//! after the machine is told why, by a local one-time link, and may order two repairs.
//!
//! Works from files and the launcher's socket alone: without a database, without settings.

mod order;
mod page;
mod story;

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::{AppAddresses, Clock, Version};
use newleaf_launcher::Layout;
use newleaf_web::gate::Gate;
use newleaf_web::origin::{Origin, OriginPolicy};
use newleaf_web::repair;
use newleaf_web::store::{MemoryLinks, MemorySessions};

use self::page::Desk;
use crate::adapter::SystemClock;
use crate::config::{Listen, scheme};
use crate::http::tls::Certificates;
use crate::http::{self, Crowd, Door, Idle, Listener, Manners, Traffic};
use crate::product::Product;
use crate::program::named_in;
use crate::shutdown::Shutdown;
use crate::worker::{self, Control, Hello, Standing, addresses};

/// How long answers under way may take once a version serves again.
const WITHIN: Duration = Duration::from_secs(5);

/// What of the settings the page needs; nothing of it where they cannot be read.
#[derive(Debug, Default)]
struct Known {
    listen: Listen,
    origin: Option<String>,
}

/// Runs `newleaf recovery --dir DIR`: the body of the hidden command. Ends when the launcher
/// takes the listeners back.
pub(crate) fn run_recovery(product: &'static Product, dir: &Path) -> ExitCode {
    // The page must come up whatever the settings are; a mistake in them is logged.
    let settings = worker::begin_log(dir).map(|found| found.config);
    let known = settings.map(|it| Known { listen: it.listen, origin: it.portal.origin });
    match run(product, dir, &known.unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("recovery page: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(
    product: &'static Product,
    dir: &Path,
    known: &Known,
) -> Result<(), Box<dyn std::error::Error>> {
    let hello = Hello::receive()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let Hello { wire, state, public, admin, local, hold, .. } = hello;
        let control = Control::start(wire, state)?;
        let desk = desk(product, dir, control.clone(), &addresses(&admin), known)?;
        let (shutdown, watch) = Shutdown::new();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let certificates = Certificates::open(&known.listen, dir, &clock);
        certificates.follow(&watch);
        let [public_tls, admin_tls] = [certificates.public()?, certificates.admin()?];
        let mut doors = Vec::new();
        let crowd = Crowd::public();
        for listener in public {
            let (listener, tls) = (Listener::tcp(listener)?, public_tls.clone());
            let crowd = Some(Arc::clone(&crowd));
            doors.push(Door { listener, tls, router: page::public(), crowd, idle: Idle::Goes });
        }
        let router = named_in(page::admin(&desk), product.program);
        for listener in admin {
            let (listener, tls) = (Listener::tcp(listener)?, admin_tls.clone());
            let (router, crowd) = (router.clone(), Some(Crowd::admin()));
            doors.push(Door { listener, tls, router, crowd, idle: Idle::Goes });
        }
        let owner = std::fs::metadata(dir)?.uid();
        let router = named_in(page::local(&desk, owner), product.program);
        let listener = Listener::unix(local)?;
        doors.push(Door { listener, tls: None, router, crowd: None, idle: Idle::Goes });
        tokio::spawn(async move {
            let mut standing = control.watch_standing();
            // The reader's end is the launcher's end: both mean the same.
            drop(standing.wait_for(|standing| *standing == Standing::Orphaned).await);
            shutdown.begin(WITHIN);
        });
        http::serve(doors, watch, Arc::new(Traffic::default()), Manners::default()).await;
        drop(hold);
        Ok(())
    })
}

fn desk(
    product: &'static Product,
    dir: &Path,
    control: Control,
    admin: &[SocketAddr],
    known: &Known,
) -> Result<Arc<Desk>, Box<dyn std::error::Error>> {
    let scheme = scheme(known.listen.admin_tls.as_ref());
    let listener = || admin.first().map(|address| format!("{scheme}://{address}"));
    let gate = Gate {
        sessions: Arc::new(MemorySessions::default()),
        origins: origins(scheme, admin, known.origin.as_deref()),
        clock: Arc::new(SystemClock),
    };
    let face = newleaf_web::ProductFace {
        name: product.name.to_owned(),
        version: Version::parse(product.version)?,
        apps: AppAddresses::default(),
    };
    let links = Arc::new(MemoryLinks::default());
    Ok(Arc::new(Desk {
        product,
        layout: Layout::new(dir),
        control,
        door: Arc::new(repair::Door { product: face, gate, links }),
        address: known.origin.clone().or_else(listener),
        said: std::sync::Mutex::default(),
    }))
}

/// The portal's addresses, as far as they are understood: what is wrong with the settings may be
/// just this.
fn origins(scheme: &str, admin: &[SocketAddr], configured: Option<&str>) -> OriginPolicy {
    let named = |address: &SocketAddr| {
        let local = address.ip().is_loopback();
        let names = local.then(|| format!("{scheme}://localhost:{}", address.port()));
        std::iter::once(format!("{scheme}://{address}")).chain(names).collect::<Vec<_>>()
    };
    let all = admin.iter().flat_map(named).chain(configured.map(str::to_owned));
    OriginPolicy::of(all.filter_map(|origin| Origin::parse(&origin).ok()))
}
