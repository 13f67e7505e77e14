//! `serve`: publishes and serves until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{DirArg, Failure, Output};
use crate::clock::SystemClock;
use crate::dir::Dir;
use crate::registry::Registry;
use crate::serve::Serving;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    dir: DirArg,
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "A", default_value = "127.0.0.1:8440")]
    listen: SocketAddr,
    /// Milliseconds between two batches, in place of what registry.toml says.
    #[arg(long, value_name = "MS")]
    batch_ms: Option<u64>,
}

impl Serve {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let log = EnvFilter::try_from_env("NEWLEAF_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt().with_env_filter(log).with_writer(std::io::stderr).init();
        let dir = Dir::new(self.dir.dir);
        let mut settings = Settings::read(&dir.settings())?;
        settings.batch_ms = self.batch_ms.unwrap_or(settings.batch_ms);
        let registry = Registry::open(dir, settings.check()?, Arc::new(SystemClock)).await?;
        let serving = Serving::start(registry, self.listen).await.map_err(|error| {
            Failure::new("serve", &error, "choose another address with --listen")
        })?;
        let url = format!("http://{}", serving.address());
        output.done(&format!("listening on {url}"), &json!({"listening": url}));
        told_to_stop().await?;
        let stopped = serving.stop().await;
        stopped.map_err(|error| Failure::new("stop cleanly", &error, "look at the log"))
    }
}

/// Waits for SIGTERM or Ctrl-C.
async fn told_to_stop() -> Result<(), Failure> {
    let wait = |kind| {
        signal(kind).map_err(|error| Failure::new("wait for signals", &error, "start it again"))
    };
    let mut terminate = wait(SignalKind::terminate())?;
    let mut interrupt = wait(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
