//! Puts a worker together: ports, updater, apps, portal, API, doors. Nothing is decided here that
//! a setting does not decide.

mod alone;
mod background;
mod build;
mod schedule;
mod vitals;

pub(crate) use alone::{alone, offline};
pub(crate) use build::build;

use newleaf_domain::{AbiVersion, Edition, InvalidWord, Platform, Version};
use newleaf_launcher::Layout;
use newleaf_update::port::RehearsalWaits;
use newleaf_update::{Budget, ProductFace, Settings, SnapshotRule};

use crate::Product;
use crate::adapter::{AppsError, Holding, OpenError};
use crate::config::{Config, ConfigError, Rate};

/// Why a worker could not be put together. Completes "failed to put the host together: …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    /// `newleaf.toml` is not understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The product's own version or edition is not one.
    #[error("name the product")]
    Product(#[source] InvalidWord),
    /// The repository's client.
    #[error(transparent)]
    Repository(#[from] OpenError),
    /// The engine of the apps.
    #[error(transparent)]
    Apps(#[from] AppsError),
    /// The folder's owner cannot be learnt.
    #[error("look at {}", path.display())]
    Owner {
        /// The folder.
        path: std::path::PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The portal's address is not one.
    #[error(
        "portal.origin {given:?} in newleaf.toml is no origin: expected https://<host>[:<port>]"
    )]
    Origin {
        /// What was given.
        given: String,
    },
}

impl BuildError {
    /// Whether the settings, the machine or a person are to blame and not this version.
    pub(crate) const fn is_machine(&self) -> bool {
        match self {
            Self::Config(_) | Self::Repository(_) | Self::Owner { .. } | Self::Origin { .. } => {
                true
            }
            // What a system refuses an engine is told by the system's own word for it.
            Self::Product(_) | Self::Apps(_) => false,
        }
    }
}

/// How apps are held, as the settings say: requests that wait for one app keep their connections,
/// and leave at least half of those of the public listeners to its neighbours.
pub(crate) fn holding(config: &Config) -> Holding {
    let apps = &config.apps;
    let public = crate::http::public_share(config.http.public_connections).get();
    Holding { cap: apps.hold_cap.min(public / 2), client_within: apps.client_within.duration() }
}

/// The product as the updater knows it.
fn face(product: &Product) -> Result<ProductFace, BuildError> {
    Ok(ProductFace {
        name: product.name.to_owned(),
        version: Version::parse(product.version).map_err(BuildError::Product)?,
        edition: Edition::parse(product.edition).map_err(BuildError::Product)?,
        platform: Platform::current(),
        abi: AbiVersion::current(),
        schema: product.schema(),
    })
}

/// What the admin set, as the updater takes it.
fn settings(config: &Config) -> Settings {
    Settings {
        policy: config.policy.policy(),
        checks: config.repository.check,
        most_storage: config.apps.most_storage,
        fresh_for: config.repository.fresh_for.duration(),
        stall: config.repository.stall.duration(),
        rate: config.repository.rate.map(Rate::a_second),
        expand_within: config.core.expand_within.duration(),
        rehearsal: config.core.rehearsal,
        rehearsal_waits: RehearsalWaits {
            ready: config.core.ready_within.duration(),
            probe: config.core.probe_within.duration(),
            ..Settings::default().rehearsal_waits
        },
        // While the version before still drains, it needs what is its own.
        undo_for: config.core.undo_for.duration().max(config.core.drain_within.duration()),
        versions: config.core.versions.into(),
        snapshots: SnapshotRule {
            count: usize::from(config.core.snapshots.get()),
            age: config.core.snapshots_for.duration(),
        },
        removed_for: config.apps.removed_for.duration(),
        app_rehearsal: config.apps.rehearsal,
        pause_unannounced: config.apps.pause_unannounced.duration(),
        on_data_loss: config.apps.on_data_loss,
        drain_within: config.apps.drain_within.duration(),
        probation: config.apps.probation.duration(),
        budget: Budget {
            traps: config.apps.probation_traps,
            server_errors: config.apps.probation_errors,
        },
        ..Settings::default()
    }
}

/// Folders that an older version did not make.
const FOLDERS: [&str; 7] =
    ["downloads", "staging", "snapshots", "cache", "plans", "trust/pins", "data/apps"];

/// Makes what is missing. One that cannot be made is told by the preflight, with its remedy.
fn make_folders(layout: &Layout) {
    for folder in FOLDERS {
        if let Err(error) = std::fs::create_dir_all(layout.dir().join(folder)) {
            tracing::warn!(folder, %error, "a folder of the host is missing");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn an_app_that_is_held_leaves_half_of_the_connections_to_its_neighbours() {
        let cap = |http: &str, apps: &str| {
            let text = format!(
                "[repository]\nurl = \"https://updates.example.com\"\n[http]\n{http}\n[apps]\n{apps}\n"
            );
            holding(&Config::parse(&text, Path::new("newleaf.toml")).unwrap()).cap
        };
        assert_eq!(cap("public_connections = 100", ""), 50);
        assert_eq!(cap("public_connections = 100", "hold_cap = 7"), 7);
        assert!(cap("", "hold_cap = 1000000") <= 8192);
    }
}
