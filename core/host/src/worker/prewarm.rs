//! `newleaf worker --prewarm`: a short-lived child that compiles every app that serves for this
//! version's engine, and links it with what this version offers; an app that is not made for this core breaks. Runs nothing of an app and writes
//! nothing but the cache of compiled code.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use newleaf_domain::Version;
use newleaf_launcher::proto::EXIT_MACHINE;
use newleaf_launcher::{Layout, lock, state_file};
use newleaf_update::explain::chain;

use crate::adapter::Apps;
use crate::product::Product;

/// Prints one line of JSON for each app: what came of it.
pub fn run_prewarm(product: &'static Product, dir: &Path) -> ExitCode {
    match prewarm(product, dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::report(&*error);
            drop(writeln!(std::io::stdout(), "{}", chain(&*error)));
            // Nothing was learnt of the version: neither settings nor state nor engine are its own.
            ExitCode::from(u8::try_from(EXIT_MACHINE).unwrap_or(1))
        }
    }
}

fn prewarm(product: &Product, dir: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let config = super::begin_log(dir)?.config;
    let layout = Layout::new(dir);
    let _hold = lock::hold_workers(&layout)?;
    let state = state_file::read(&layout)?;
    let core = Version::parse(product.version)?;
    let outbound = config.apps.outbound.settings(&config.repository.proxy);
    let (held, set) = (crate::app::holding(&config), config.apps.clone());
    let apps = Apps::new(layout, core, held, set, outbound, product.cookies)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for (name, app) in &state.apps {
            let Some(slot) = app.good.as_ref().filter(|_| !app.disabled) else { continue };
            let line = serde_json::to_string(&apps.warm(name, slot).await)?;
            writeln!(std::io::stdout(), "{line}")?;
        }
        Ok(())
    })
}
