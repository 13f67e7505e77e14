//! One opened registry: the folder, the database, the online keys, and the tree it serves. Shared
//! by the routes and the one task that publishes.

use std::path::PathBuf;
use std::sync::Arc;

use newleaf_domain::{Clock, Timestamp};
use newleaf_keys::KeysError;
use newleaf_trust::role::{RoleBody, RootRole, Signed, TargetsRole};
use newleaf_trust::{Limits, TrustError};
use tokio::sync::{Mutex, watch};

use crate::db::{self, Db, DbError};
use crate::dir::{Dir, DirError, DirLock};
use crate::object::Objects;
use crate::role_signing::{OnlineKeys, OnlineKeysError};
use crate::settings::{Settings, SettingsError};
use crate::tree::{Tree, TreeError};

/// An opened registry.
#[derive(Debug)]
pub struct Registry {
    pub(crate) dir: Dir,
    pub(crate) db: Db,
    pub(crate) objects: Objects,
    pub(crate) keys: OnlineKeys,
    pub(crate) tree: Tree,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    /// Counts finished batches; whoever waits for a decision looks again at each.
    pub(crate) batches: watch::Sender<u64>,
    /// Counts batches that brought packages; whoever makes smaller forms looks at each.
    pub(crate) released: watch::Sender<u64>,
    /// Counts looks for missing smaller forms that came to their end.
    pub(crate) looked: watch::Sender<u64>,
    /// Held by the batch that runs: two at once would sign the same version twice.
    pub(crate) batch: Mutex<()>,
    _lock: DirLock,
}

/// Why a registry could not be opened. Completes "failed to open the registry: …".
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be used.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The online keys cannot be used.
    #[error(transparent)]
    Keys(#[from] OnlineKeysError),
    /// The database cannot be opened.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The public tree cannot be loaded.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The folder could not be searched for offline keys.
    #[error("the folder could not be searched for offline keys")]
    Search(#[from] KeysError),
    /// An offline key lies where a thief of the registry would find it.
    #[error("{} is an offline key inside the registry's folder", path.display())]
    OfflineKey {
        /// The key's file.
        path: PathBuf,
    },
    /// The database holds no root or targets, or damaged ones.
    #[error("the stored role {role} cannot be used")]
    Role {
        /// The role.
        role: &'static str,
        /// What is wrong with it.
        #[source]
        source: TrustError,
    },
}

impl OpenError {
    /// What a person can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Dir(error) => error.hint(),
            Self::Settings(_) => "correct registry.toml, or remove it for the defaults",
            Self::Keys(_) => "restore keys-online/ from a backup, or sign a root with new keys",
            Self::Db(_) => {
                "restore registry.db from a backup; hosts are served from public/ meanwhile"
            }
            Self::Tree(_) | Self::Search(_) => "check that this user may read the whole folder",
            Self::OfflineKey { .. } => {
                "move it to a machine or medium of its own; who steals the registry must not get it"
            }
            Self::Role { .. } => "restore registry.db from a backup",
        }
    }
}

impl Registry {
    /// Opens the registry in `dir` for publishing: takes the folder's lock and refuses a folder in
    /// which an offline key lies.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(
        dir: Dir,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        dir.require()?;
        let lock = dir.lock()?;
        let keys = OnlineKeys::load(&dir)?;
        let db = Db::open(&dir.database()).await?;
        refuse_offline_keys(&dir, &db).await?;
        let tree = Tree::load(&dir.tuf())?;
        Ok(Self {
            objects: Objects::new(dir.objects()),
            batches: watch::Sender::new(0),
            released: watch::Sender::new(0),
            looked: watch::Sender::new(0),
            batch: Mutex::new(()),
            _lock: lock,
            dir,
            db,
            keys,
            tree,
            settings,
            clock,
        })
    }

    /// The time now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Changes with every finished batch.
    pub fn finished_batches(&self) -> watch::Receiver<u64> {
        self.batches.subscribe()
    }

    /// Changes whenever every smaller form of every package that can be made has been made.
    pub fn finished_looks(&self) -> watch::Receiver<u64> {
        self.looked.subscribe()
    }

    /// Where a file of the public tree lies.
    pub(crate) fn public_path(&self, path: &str) -> PathBuf {
        self.dir.public().join(path)
    }

    /// Closes the database; what is being read is finished first.
    pub async fn close(&self) {
        self.db.close().await;
    }
}

/// Refuses a folder below which the private half of an offline key lies, whatever its file is
/// called.
async fn refuse_offline_keys(dir: &Dir, db: &Db) -> Result<(), OpenError> {
    let root = stored::<RootRole>(db, "root").await?;
    let targets = stored::<TargetsRole>(db, "targets").await?;
    let offline = newleaf_keys::offline_keys(&root, &targets)
        .map_err(|source| OpenError::Role { role: "root", source })?;
    match newleaf_keys::find_offline_keys(dir.root(), &offline)?.into_iter().next() {
        Some(path) => Err(OpenError::OfflineKey { path }),
        None => Ok(()),
    }
}

async fn stored<T: RoleBody>(db: &Db, role: &'static str) -> Result<T, OpenError> {
    let row = db::role(&mut *db.read().await?, role).await?;
    let absent = || TrustError::NoAnchor { file: format!("{role}.json") };
    row.ok_or_else(absent)
        .and_then(|row| Signed::<T>::parse(role, &row.file, &Limits::default()))
        .map(|signed| signed.body)
        .map_err(|source| OpenError::Role { role, source })
}
