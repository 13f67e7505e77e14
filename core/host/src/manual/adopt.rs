//! `newleaf adopt`: gathers what the decision needs, decides, and does it. Holds the host's lock.

use std::path::Path;
use std::process::ExitCode;

use newleaf_domain::{Edition, InvalidWord, Version};
use newleaf_launcher::journal::Entry;
use newleaf_launcher::offline::{OfflineError, Purpose, WORKERS_WITHIN};
use newleaf_launcher::state::{CorePhase, Image, State};
use newleaf_launcher::state_file::StateError;
use newleaf_launcher::{Layout, StoppedHost, state_file};
use newleaf_update::Matched;
use newleaf_update::port::{SlotRef, Slots as _};

use super::decide::{Decision, Dropped, Host, decide};
use super::{carry, copy, own_image};
use crate::Product;
use crate::adapter::{DiskSlots, SystemClock};
use crate::app::BuildError;
use crate::cli::OLDEST_READER;
use crate::config::{Config, ConfigError};
use crate::db::{self, DbError};

/// Why the program could not be looked at. Completes "failed to look at the program: …".
#[derive(Debug, thiserror::Error)]
enum AdoptError {
    /// `newleaf.toml` is not understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// `state` cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The folder is in use, or the disk refused.
    #[error(transparent)]
    Offline(#[from] OfflineError),
    /// What is known of the repository cannot be asked.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The database cannot be read.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The product's version or edition is not one.
    #[error("name the product")]
    Product(#[from] InvalidWord),
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

impl AdoptError {
    fn system(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}

/// Runs the hidden command.
pub(crate) fn run(product: &'static Product, dir: &Path) -> ExitCode {
    match adopt(product, dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("look at the program: {}", newleaf_update::explain::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn adopt(product: &'static Product, dir: &Path) -> Result<(), AdoptError> {
    let config = crate::worker::begin_log(dir)?.config;
    // Before the first use of SQLite, or never; whether it is so is told where the apps begin.
    newleaf_plugin_host::storage::bound_memory();
    let layout = Layout::new(dir);
    let state = state_file::read(&layout)?;
    let dropped = measure(product)?;
    if state.core.phase != CorePhase::Idle {
        tracing::info!("core is being updated; the program is looked at when that is over");
        return Ok(());
    }
    // A host that an older version made never said what was started last, so only a newer program
    // is sure to be another one.
    let decision = if state.core.image.is_none() && dropped.version <= state.core.good.version {
        Decision::Serves
    } else {
        decide(&dropped, &gather(product, &layout, &config, state.clone(), &dropped)?)
    };
    let purpose = Purpose::Change { workers_within: WORKERS_WITHIN };
    let mut host = StoppedHost::open(layout, purpose)?.with_tries(config.core.tries.get());
    if host.state().seq != state.seq {
        tracing::info!("the host was changed meanwhile; the program is looked at again later");
        return Ok(());
    }
    carry_out(&mut host, decision, &dropped)
}

/// Does as decided, and remembers the program.
fn carry_out(
    host: &mut StoppedHost,
    decision: Decision,
    dropped: &Dropped,
) -> Result<(), AdoptError> {
    let digest = dropped.binary;
    match decision {
        Decision::Serves => host.know_image(Image::plain(digest))?,
        Decision::Unused(note) => {
            tracing::warn!("{}", note.text);
            host.append(None, Entry::Notice { text: note.text.clone() })?;
            host.know_image(Image { digest, note: Some(note) })?;
        }
        Decision::Try(trial) => {
            if let Some(note) = &trial.note {
                tracing::warn!("{}", note.text);
            }
            carry::out(host, &SystemClock, dropped, *trial, &own_image())?;
        }
    }
    Ok(())
}

/// This program.
fn measure(product: &Product) -> Result<Dropped, AdoptError> {
    Ok(Dropped {
        path: std::env::current_exe().map_err(AdoptError::system("find this program's file"))?,
        binary: copy::digest_of(&own_image()).map_err(AdoptError::system("read this program"))?,
        version: Version::parse(product.version)?,
        edition: Edition::parse(product.edition)?,
        protocol: crate::protocol::spoken(),
        schema: product.schema(),
        oldest_reader: OLDEST_READER,
    })
}

/// What the program is held against. Changes nothing.
fn gather(
    product: &'static Product,
    layout: &Layout,
    config: &Config,
    state: State,
    dropped: &Dropped,
) -> Result<Host, AdoptError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(AdoptError::system("start the runtime"))?;
    runtime.block_on(async {
        let good = &state.core.good;
        let slots = DiskSlots::new(layout.clone());
        let said = slots.self_test(&SlotRef::core(good), &good.program).await;
        let data_reader = db::oldest_reader(layout.dir()).await?.unwrap_or(good.oldest_reader);
        Ok(Host {
            edition: said.ok().and_then(|said| said.edition),
            good_program: layout.program(good),
            data_reader,
            matched: known_of(product, layout, config, dropped).await?,
            unknown: config.policy.unknown_core,
            older: config.policy.older_core,
            state,
        })
    })
}

/// Asks the signed metadata that is kept on disk. The folder is free again afterwards.
async fn known_of(
    product: &'static Product,
    layout: &Layout,
    config: &Config,
    dropped: &Dropped,
) -> Result<Matched, AdoptError> {
    let host = StoppedHost::open(layout.clone(), Purpose::Look)?;
    let updater = crate::app::offline(product, host, config).await?;
    Ok(updater.core_of(dropped.binary, &dropped.version).await)
}
