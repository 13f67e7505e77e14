//! What is served when no version can be started: the public is told to come back, the admin is
//! told why.

mod page;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use newleaf_launcher::Layout;

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
    drop(worker::begin_log(dir));
    match run(product, dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("recovery page: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(product: &'static Product, dir: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let hello = Hello::receive()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let Hello { wire, state, public, admin, local, hold, .. } = hello;
        let control = Control::start(wire, state)?;
        let layout = Arc::new(Layout::new(dir));
        let mut doors = Vec::new();
        let crowd = Crowd::public();
        for listener in public {
            let crowd = Some(Arc::clone(&crowd));
            doors.push(Door { listener: Listener::tcp(listener)?, router: page::public(), crowd });
        }
        let router = named_in(page::admin(product.name, layout), product.program);
        for listener in admin {
            let (router, crowd) = (router.clone(), Some(Crowd::admin()));
            doors.push(Door { listener: Listener::tcp(listener)?, router, crowd });
        }
        doors.push(Door { listener: Listener::unix(local)?, router, crowd: None });
        let (shutdown, watch) = Shutdown::new();
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
