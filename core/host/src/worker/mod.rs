//! A version's own process: started by the launcher, which gives it its sockets and its orders.

mod bootstrap;
mod control;
mod expand;
mod hello;
mod last_words;
mod prewarm;
mod private;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use axum::Router;
use newleaf_launcher::Layout;

pub use bootstrap::WorkerError;
pub use control::{Control, ControlError, News, Standing};
pub use expand::run_expand;
pub(crate) use hello::{Hello, addresses};
pub use prewarm::run_prewarm;

use last_words::LastWords;

use crate::config::{ConfigError, Log, Settings};
use crate::db::Db;
use crate::product::Product;
use crate::shutdown::ShutdownWatch;

/// What the parts of a worker are built from.
#[derive(Debug, Clone)]
pub struct WorkerContext {
    /// Where everything lies.
    pub layout: Layout,
    /// `newleaf.db`, checked.
    pub db: Db,
    /// The way to the launcher.
    pub control: Control,
    /// Tells when to finish.
    pub shutdown: ShutdownWatch,
    /// What is under way, for the metrics.
    pub traffic: std::sync::Arc<crate::http::Traffic>,
    /// What the listeners that speak HTTPS are served with.
    pub certificates: crate::http::tls::Certificates,
    /// The addresses of the public listeners.
    pub public: Vec<std::net::SocketAddr>,
    /// The addresses of the admin listeners.
    pub admin: Vec<std::net::SocketAddr>,
}

impl WorkerContext {
    /// The host's folder.
    pub fn dir(&self) -> PathBuf {
        self.layout.dir().to_owned()
    }
}

/// What a worker answers with on each kind of listener.
#[derive(Debug)]
pub struct Routers {
    /// The public listeners: the product and its apps.
    pub public: Router,
    /// The admin listeners: portal and API.
    pub admin: Router,
    /// `run/admin.sock`.
    pub local: Router,
    /// The product's own context, asked for its health.
    pub product: crate::product::ProductContext,
}

/// Runs `newleaf worker --dir DIR`: the body of the hidden command.
pub fn run_worker(product: &'static Product, dir: &Path) -> ExitCode {
    let last_words = LastWords::over_stdin();
    last_words.clone().of_panics();
    match bootstrap::run(product, dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            last_words.say(&newleaf_update::explain::chain(&error));
            error.exit_code()
        }
    }
}

/// Reads the settings and starts the log as they say; with defaults where they cannot be read, so
/// that the reason is logged.
pub(crate) fn begin_log(dir: &Path) -> Result<Settings, ConfigError> {
    let found = Settings::load(dir);
    let log = found.as_ref().map_or_else(|_| Log::default(), |found| found.config.log.clone());
    crate::telemetry::start(&log, dir);
    if let Some(mistake) = found.as_ref().ok().and_then(Settings::mistake) {
        tracing::error!("{mistake}");
    }
    found
}

/// Logs a failure once, with all its causes.
fn report(error: &(dyn std::error::Error + 'static)) {
    tracing::error!("worker: {}", newleaf_update::explain::chain(error));
}

#[cfg(test)]
pub(crate) mod tests {
    use newleaf_domain::{Digest, Version};
    use newleaf_launcher::state::{CoreSlot, Origin, State};
    use newleaf_launcher::wire::Wire;

    use super::Control;

    pub(crate) fn state() -> State {
        let good = CoreSlot {
            digest: Digest::of(b"1.0.0"),
            version: Version::parse("1.0.0").unwrap(),
            origin: Origin::Release,
            protocol: 1,
            program: "bin/newleaf".to_owned(),
            schema: 1,
            oldest_reader: 1,
            binary: None,
        };
        State::first(good)
    }

    /// The launcher's end, and a control handle on the other.
    pub(super) fn pair() -> (Wire, Control) {
        let (launcher, worker) = Wire::pair().unwrap();
        (launcher, Control::start(worker.into(), state()).unwrap())
    }
}
