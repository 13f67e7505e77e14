//! `newleaf worker --expand`: a short-lived child that extends the database for its version.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use newleaf_domain::Clock as _;
use newleaf_launcher::proto::EXIT_MACHINE;
use newleaf_launcher::state_file::StateError;
use newleaf_launcher::{Layout, lock, state_file};

use crate::adapter::SystemClock;
use crate::config::ConfigError;
use crate::db::snapshot::{self, SnapshotError};
use crate::db::{self, Beat, Db, DbError, Progress, Writers};
use crate::product::Product;

/// Why the database was not extended.
#[derive(Debug, thiserror::Error)]
enum ExpandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error("take a snapshot of newleaf.db")]
    Snapshot(#[source] SnapshotError),
    #[error(transparent)]
    Lock(#[from] lock::LockError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("start the runtime")]
    Runtime(#[source] std::io::Error),
}

/// Extends the database of the host in `dir` for `product`.
///
/// Prints one line for each transaction as a sign of life. First takes a snapshot, for disasters,
/// and takes away what only versions before the good one need: nobody goes back to those any more.
pub fn run_expand(product: &'static Product, dir: &Path) -> ExitCode {
    match expand(product, dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            super::report(&error);
            // The last line is what whoever waits gives as the reason; the log has it already.
            drop(writeln!(std::io::stdout(), "{}", newleaf_update::explain::chain(&error)));
            if error.is_machine() {
                ExitCode::from(u8::try_from(EXIT_MACHINE).unwrap_or(1))
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

impl ExpandError {
    /// Whether the machine or a person is to blame and not this version.
    fn is_machine(&self) -> bool {
        match self {
            Self::Db(error) => error.is_machine(),
            Self::State(error) => !matches!(error, StateError::Future { .. }),
            // No version has run yet when it is taken.
            Self::Snapshot(_) | Self::Config(_) | Self::Lock(_) | Self::Runtime(_) => true,
        }
    }
}

fn expand(product: &'static Product, dir: &Path) -> Result<(), ExpandError> {
    super::begin_log(dir)?;
    let layout = Layout::new(dir);
    let _hold = (lock::hold_workers(&layout)?, lock::hold_slots(&layout));
    let good = state_file::read(&layout)?.core.good;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ExpandError::Runtime)?;
    runtime.block_on(async {
        let db = Db::open_existing(dir).await?;
        let parent = rustix::process::getppid();
        let mut beat = |progress| beat(progress, parent);
        let taken = snapshot::take(&db, dir, &good.version, SystemClock.now()).await;
        tracing::info!(name = taken.map_err(ExpandError::Snapshot)?, "a snapshot is taken");
        db::contract_with(&db, product.migrations, good.schema, &mut beat).await?;
        let writers = Writers::Since(good.schema);
        db::expand_after(&db, product.migrations, writers, &mut beat).await?;
        db.close().await;
        Ok(())
    })
}

/// A line for whoever waits; stops once the parent is gone, for then nobody does.
fn beat(progress: Progress, parent: Option<rustix::process::Pid>) -> Beat {
    let Progress { side, schema, rows, took } = progress;
    let took = took.as_millis();
    let told = writeln!(std::io::stdout(), "{side} schema {schema}: {rows} rows, {took} ms");
    if told.is_ok() && rustix::process::getppid() == parent { Beat::GoOn } else { Beat::Stop }
}
