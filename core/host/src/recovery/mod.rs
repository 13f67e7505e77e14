//! What is served when no version can be started: the public is told to come back, the admin is
//! told why.

mod page;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use newleaf_domain::Clock;
use newleaf_launcher::Layout;

use crate::adapter::SystemClock;
use crate::config::Listen;
use crate::http::tls::Certificates;
use crate::http::{self, Crowd, Door, Listener, Manners, Traffic};
use crate::product::Product;
use crate::program::named_in;
use crate::shutdown::Shutdown;
use crate::worker::{self, Control, Hello, Standing};

/// How long answers under way may take once a version serves again.
const WITHIN: Duration = Duration::from_secs(5);

/// Runs `newleaf recovery --dir DIR`: the body of the hidden command. Ends when the launcher
/// takes the listeners back.
pub(crate) fn run_recovery(product: &'static Product, dir: &Path) -> ExitCode {
    // The page must come up whatever the settings are; a mistake in them is logged by the workers.
    let listen = worker::begin_log(dir).map(|config| config.listen).unwrap_or_default();
    match run(product, dir, &listen) {
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
    listen: &Listen,
) -> Result<(), Box<dyn std::error::Error>> {
    let hello = Hello::receive()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let Hello { wire, state, public, admin, local, hold, .. } = hello;
        let control = Control::start(wire, state)?;
        let layout = Arc::new(Layout::new(dir));
        let (shutdown, watch) = Shutdown::new();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let certificates = Certificates::open(listen, dir, &clock);
        certificates.follow(&watch);
        let [public_tls, admin_tls] = [certificates.public()?, certificates.admin()?];
        let mut doors = Vec::new();
        let crowd = Crowd::public();
        for listener in public {
            let (listener, tls) = (Listener::tcp(listener)?, public_tls.clone());
            let crowd = Some(Arc::clone(&crowd));
            doors.push(Door { listener, tls, router: page::public(), crowd });
        }
        let router = named_in(page::admin(product.name, layout), product.program);
        for listener in admin {
            let (listener, tls) = (Listener::tcp(listener)?, admin_tls.clone());
            let (router, crowd) = (router.clone(), Some(Crowd::admin()));
            doors.push(Door { listener, tls, router, crowd });
        }
        doors.push(Door { listener: Listener::unix(local)?, tls: None, router, crowd: None });
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
