//! `newleaf serve`: becomes the host of a folder until it is told to stop.

use std::path::Path;
use std::process::ExitCode;

use crate::Product;
use crate::cli::arguments::Serve;
use crate::cli::owner::{self, Standing};
use crate::config::Settings;
use crate::route::{Kind, Problem};

/// Serves until SIGTERM. Only the folder's owner may: files that another user wrote would lock the
/// owner out later.
pub(in crate::cli) fn run(
    product: &'static Product,
    dir: &Path,
    arguments: Serve,
) -> Result<ExitCode, Problem> {
    match owner::standing(dir)? {
        Standing::Owner => {}
        Standing::RootOver { .. } | Standing::Stranger => return Err(owner::not_yours(dir)),
    }
    let found = Settings::load(dir).map_err(|error| {
        Problem::new(Kind::Failed, newleaf_update::explain::chain(&error))
            .state("no host runs")
            .todo(error.hint())
    })?;
    let mistake = found.mistake().map(str::to_owned);
    let mut config = found.config;
    if !arguments.listen.is_empty() {
        config.listen.public = arguments.listen;
    }
    if !arguments.admin_listen.is_empty() {
        config.listen.admin = arguments.admin_listen;
    }
    crate::telemetry::start(&config.log, dir);
    if let Some(mistake) = mistake {
        tracing::error!("{mistake}");
    }
    crate::manual::look(dir);
    crate::serve::run(product, dir, &config)
}
