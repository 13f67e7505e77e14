//! Makes a new registry: the offline ceremony in one folder, everything else in another.

use std::path::{Path, PathBuf};

use newleaf_domain::Timestamp;
use newleaf_keys::{KeysError, Quorums};
use newleaf_trust::role::MetadataVersion;

use crate::db::{Db, DbError, RoleRow};
use crate::dir::{Dir, DirError};
use crate::durable::{self, Readers, WriteError};
use crate::role_signing::{OnlineKeys, OnlineKeysError, SigningError, sign_online, store_role};
use crate::settings::Settings;

/// Why no registry was made. Completes "failed to make the registry: …".
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A folder cannot be used.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The ceremony failed.
    #[error(transparent)]
    Ceremony(#[from] KeysError),
    /// The online keys could not be made.
    #[error(transparent)]
    Online(#[from] OnlineKeysError),
    /// The database could not be made.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The first online roles could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl InitError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Dir(error) => error.hint(),
            Self::Ceremony(error) => error.hint(),
            Self::Online(_) | Self::Db(_) | Self::Signing(_) | Self::Write(_) => {
                "remove both folders, make sure there is space, and try again"
            }
        }
    }
}

/// Makes the offline keys in `keys`, and in `dir` a registry whose version 1 of every role is
/// published. Returns the root to hand to hosts.
///
/// # Errors
/// One of the folders is in use, or `keys` lies inside `dir`.
pub async fn init(
    dir: &Dir,
    keys: &Path,
    quorums: &Quorums,
    now: Timestamp,
) -> Result<PathBuf, InitError> {
    dir.require_outside(keys)?;
    dir.create()?;
    let _lock = dir.lock()?;
    newleaf_keys::create(keys, quorums)?;
    let online = OnlineKeys::create(dir)?;
    let roles = newleaf_keys::init_repository(keys, &public_halves(&online), now)?;
    let db = Db::open(&dir.database()).await?;
    let mut transaction = db.write().await?;
    let offline = [
        ("root", &roles.root),
        ("targets", &roles.targets),
        ("core", &roles.core),
        ("claimed", &roles.claimed),
    ];
    for (name, file) in offline {
        let (name, file) = (name.to_owned(), file.clone());
        let row = RoleRow { name, version: MetadataVersion::FIRST, signed: now, file };
        store_role(&mut transaction, &row, now).await?;
    }
    sign_online(&mut transaction, &online, now).await?;
    transaction.commit().await.map_err(DbError::from)?;
    write_queued(&db, dir).await?;
    db.close().await;
    durable::write(&dir.settings(), Settings::TEMPLATE.as_bytes(), Readers::All)?;
    durable::write(&dir.root_file(), &roles.root, Readers::All)?;
    Ok(dir.root_file())
}

fn public_halves(online: &OnlineKeys) -> newleaf_keys::OnlineKeys {
    newleaf_keys::OnlineKeys {
        timestamp: online.timestamp.public(),
        snapshot: online.snapshot.public(),
        advisories: online.content.public(),
        catalogue: online.content.public(),
        fresh: online.fresh.public(),
    }
}

/// Writes the first files; nobody serves the folder yet, so nobody is held up.
async fn write_queued(db: &Db, dir: &Dir) -> Result<(), InitError> {
    let mut last = 0;
    while let Some(entry) = crate::db::next_entry(&mut *db.read().await?, last).await? {
        durable::write(&dir.public().join(&entry.path), &entry.bytes, Readers::All)?;
        last = entry.id;
    }
    let mut transaction = db.write().await?;
    crate::db::take_entry(&mut transaction, last).await?;
    transaction.commit().await.map_err(DbError::from)?;
    Ok(())
}
