//! What the updater keeps across restarts, as files of the host's folder: `trust/`, `trust/pins/`,
//! `plans/`, and what may be lost under `cache/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use newleaf_domain::{PlanId, Target, Timestamp};
use newleaf_trust::Pin;
use newleaf_update::port::{Contact, PlanMemo, Store, StoreError};
use newleaf_update::view::RehearsalNote;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Connection as _;

use super::INSTALL_ID;
use super::files::{self, FileError, blocking};
use crate::db::{self, Db, DbError, Migration};

/// Files below one folder.
#[derive(Debug, Clone)]
pub(crate) struct DiskStore {
    dir: PathBuf,
    migrations: &'static [Migration],
}

impl From<FileError> for StoreErrorBox {
    fn from(FileError { doing, path, source }: FileError) -> Self {
        Self(StoreError::Io { doing, path, source })
    }
}

/// Lets `?` turn a file's error into the port's.
struct StoreErrorBox(StoreError);

impl From<StoreErrorBox> for StoreError {
    fn from(StoreErrorBox(error): StoreErrorBox) -> Self {
        error
    }
}

type Kept<T> = Result<T, StoreErrorBox>;

impl DiskStore {
    /// The store of the host in `dir`.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), migrations: &[] }
    }

    /// The same, of a product whose database has these steps.
    pub(crate) fn with_migrations(self, migrations: &'static [Migration]) -> Self {
        Self { migrations, ..self }
    }

    /// An error of the database, as the port has it.
    fn database(&self, doing: &'static str) -> impl FnOnce(DbError) -> StoreError {
        let path = self.dir.join("newleaf.db");
        move |error| {
            let source = std::io::Error::other(newleaf_update::explain::chain(&error));
            StoreError::Io { doing, path, source }
        }
    }

    fn trust(&self) -> PathBuf {
        self.dir.join("trust")
    }

    fn plans(&self) -> PathBuf {
        self.dir.join("plans")
    }

    fn rehearsal_file(&self, target: &Target) -> PathBuf {
        let name = match target {
            Target::Core => "rehearsal.json".to_owned(),
            Target::App(app) => format!("rehearsal.{}.{}.json", app.namespace(), app.app()),
        };
        self.dir.join("cache").join(name)
    }

    fn contact_file(&self) -> PathBuf {
        self.dir.join("cache/contact.json")
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Kept<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        blocking(move || work(&store)).await.map_err(StoreError::from)
    }
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Kept<T> {
    serde_json::from_slice(bytes).map_err(|error| damaged(path, &error))
}

fn damaged(path: &Path, detail: &dyn std::fmt::Display) -> StoreErrorBox {
    StoreErrorBox(StoreError::Damaged { path: path.to_owned(), detail: detail.to_string() })
}

fn put_json<T: Serialize>(path: &Path, value: &T) -> Kept<()> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| damaged(path, &error))?;
    if let Some(folder) = path.parent() {
        files::make_folder(folder)?;
    }
    Ok(files::put(path, &bytes)?)
}

/// Only names that trust itself gives: nothing that could lie elsewhere.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

fn parse_id(bytes: &[u8]) -> Option<[u8; 32]> {
    let mut id = [0; 32];
    hex::decode_to_slice(bytes.trim_ascii(), &mut id).ok().map(|()| id)
}

/// A new install id in the place of one that is lost. It only places the host in staged rollouts,
/// so nothing stops for the want of it; where it cannot be kept, the host counts as the first.
fn new_id(path: &Path) -> [u8; 32] {
    let mut id = [0; 32];
    let random = getrandom::fill(&mut id).map_err(|error| error.to_string());
    let put = |()| {
        let kept = files::put(path, hex::encode(id).as_bytes());
        kept.map_err(|error| format!("it could not be {}: {}", error.doing, error.source))
    };
    match random.and_then(put) {
        Ok(()) => {
            tracing::warn!(path = %path.display(), "the install id was lost or damaged; a new one was made, so that staged rollouts may reach this host at another time");
            id
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), error, "the install id was lost or damaged, and no new one could be kept");
            [0; 32]
        }
    }
}

#[async_trait]
impl Store for DiskStore {
    async fn trust_files(&self) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        self.run(|store| {
            let folder = store.trust();
            let mut kept = BTreeMap::new();
            for name in files::names(&folder)? {
                let path = folder.join(&name);
                if is_plain(&name) && path.is_file() {
                    kept.extend(files::read(&path)?.map(|bytes| (name, bytes)));
                }
            }
            Ok(kept)
        })
        .await
    }

    async fn put_trust_files(&self, files: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        self.run(move |store| {
            for (name, bytes) in files {
                let path = store.trust().join(&name);
                if !is_plain(&name) {
                    return Err(damaged(&path, &"the name is not one of a role's file"));
                }
                files::put(&path, &bytes)?;
            }
            Ok(())
        })
        .await
    }

    async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.run(|store| {
            let folder = store.trust().join("pins");
            let names = files::names(&folder)?
                .into_iter()
                .filter(|name| Path::new(name).extension().is_some_and(|it| it == "json"));
            let mut pins = Vec::new();
            for path in names.map(|name| folder.join(name)) {
                if let Some(bytes) = files::read(&path)? {
                    pins.push(parse(&path, &bytes)?);
                }
            }
            Ok(pins)
        })
        .await
    }

    async fn put_pin(&self, pin: &Pin) -> Result<(), StoreError> {
        let pin = pin.clone();
        self.run(move |store| {
            put_json(&store.trust().join("pins").join(format!("{}.json", pin.ns)), &pin)
        })
        .await
    }

    async fn core_reader(&self) -> Result<Option<u32>, StoreError> {
        db::oldest_reader(&self.dir).await.map_err(self.database("read"))
    }

    async fn has_to_contract(&self, schema: u32) -> Result<bool, StoreError> {
        let read = async {
            let mut connection = db::reading(&self.dir).await?;
            let due = db::has_to_contract(&mut connection, self.migrations, schema).await;
            connection.close().await.map_err(DbError::on("close newleaf.db"))?;
            due
        };
        read.await.map_err(self.database("read"))
    }

    async fn contract(&self, schema: u32) -> Result<(), StoreError> {
        let work = async {
            let db = Db::open_existing(&self.dir).await?;
            let done = db::contract(&db, self.migrations, schema).await;
            db.close().await;
            done
        };
        work.await.map_err(self.database("written"))
    }

    async fn plan(&self, id: &PlanId) -> Result<Option<PlanMemo>, StoreError> {
        let id = id.clone();
        self.run(move |store| {
            let path = store.plans().join(format!("{id}.json"));
            files::read(&path)?.map(|bytes| parse(&path, &bytes)).transpose()
        })
        .await
    }

    async fn put_plan(&self, memo: &PlanMemo, forget_before: Timestamp) -> Result<(), StoreError> {
        let memo = memo.clone();
        self.run(move |store| {
            let folder = store.plans();
            put_json(&folder.join(format!("{}.json", memo.plan.id)), &memo)?;
            for path in files::names(&folder)?.into_iter().map(|name| folder.join(name)) {
                let old =
                    files::read(&path)?.and_then(|bytes| parse::<PlanMemo>(&path, &bytes).ok());
                // What is not a plan any more is of no use to anyone.
                if old.is_none_or(|old| old.plan.created < forget_before) {
                    files::remove(&path)?;
                }
            }
            Ok(())
        })
        .await
    }

    async fn rehearsal(&self, target: &Target) -> Result<Option<RehearsalNote>, StoreError> {
        let target = target.clone();
        self.run(move |store| {
            let kept = files::read(&store.rehearsal_file(&target))?;
            // It can be had again: one of a form that is not known is none.
            Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
        })
        .await
    }

    async fn put_rehearsal(&self, note: &RehearsalNote) -> Result<(), StoreError> {
        let note = note.clone();
        self.run(move |store| put_json(&store.rehearsal_file(&note.target), &note)).await
    }

    async fn contact(&self) -> Result<Contact, StoreError> {
        self.run(|store| {
            let path = store.contact_file();
            let known = files::read(&path)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            Ok(known.unwrap_or_default())
        })
        .await
    }

    async fn put_contact(&self, contact: &Contact) -> Result<(), StoreError> {
        let contact = contact.clone();
        self.run(move |store| put_json(&store.contact_file(), &contact)).await
    }

    async fn install_id(&self) -> Result<[u8; 32], StoreError> {
        self.run(|store| {
            let path = store.dir.join(INSTALL_ID);
            let Some(kept) = files::read(&path)?.and_then(|bytes| parse_id(&bytes)) else {
                return Ok(new_id(&path));
            };
            Ok(kept)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn trust_files_come_back_without_the_pins_and_foreign_names_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        files::make_folder(&dir.path().join("trust/pins")).unwrap();
        let store = DiskStore::new(dir.path());
        store.put_trust_files(vec![("root.json".to_owned(), b"{}".to_vec())]).await.unwrap();
        assert_eq!(
            store.trust_files().await.unwrap().into_keys().collect::<Vec<_>>(),
            ["root.json"]
        );
        let strayed = store.put_trust_files(vec![("../state".to_owned(), Vec::new())]).await;
        assert!(matches!(strayed, Err(StoreError::Damaged { .. })));
    }

    #[tokio::test]
    async fn a_damaged_pin_is_never_taken_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        files::make_folder(&dir.path().join("trust/pins")).unwrap();
        files::put(&dir.path().join("trust/pins/acme.json"), b"{").unwrap();
        assert!(DiskStore::new(dir.path()).pins().await.is_err());
    }

    #[tokio::test]
    async fn a_lost_install_id_is_made_anew_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = DiskStore::new(dir.path());
        for damage in [None, Some(""), Some("zz"), Some("07")] {
            if let Some(damage) = damage {
                std::fs::write(dir.path().join(INSTALL_ID), damage).unwrap();
            }
            let made = store.install_id().await.unwrap();
            assert_ne!(made, [0; 32], "{damage:?}");
            assert_eq!(store.install_id().await.unwrap(), made, "{damage:?}");
        }
        let nowhere = DiskStore::new(&dir.path().join("nowhere"));
        assert_eq!(nowhere.install_id().await.unwrap(), [0; 32]);
    }

    #[tokio::test]
    async fn the_database_says_who_may_still_read_it() {
        use crate::db::Beat;
        const STEP: Migration = Migration { schema: 1, contract: &["SELECT 1"], ..Migration::NONE };
        let dir = tempfile::tempdir().unwrap();
        let store = DiskStore::new(dir.path());
        assert_eq!(store.core_reader().await.unwrap(), None);
        let db = Db::open(dir.path()).await.unwrap();
        db::expand(&db, &[STEP], &mut |_| Beat::GoOn).await.unwrap();
        assert_eq!(store.core_reader().await.unwrap(), Some(0));
        let store = store.with_migrations(&[STEP]);
        assert!(store.has_to_contract(1).await.unwrap());
        store.contract(1).await.unwrap();
        assert!(!store.has_to_contract(1).await.unwrap());
        assert_eq!(store.core_reader().await.unwrap(), Some(1));
    }

    #[tokio::test]
    async fn the_last_contact_may_be_lost() {
        let dir = tempfile::tempdir().unwrap();
        let store = DiskStore::new(dir.path());
        assert_eq!(store.contact().await.unwrap(), Contact::default());
        std::fs::write(dir.path().join(INSTALL_ID), format!("{}\n", "07".repeat(32))).unwrap();
        assert_eq!(store.install_id().await.unwrap(), [7; 32]);
    }
}
