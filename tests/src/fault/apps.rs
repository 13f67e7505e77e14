//! Apps whose data is real and whose code is not: notes in SQLite under the host's folders, copied
//! and put back by the host's own code.
//!
//! What an app would do to its data is done here. A disk that fails is told as a fault of the
//! machine, data of another schema than was promised as one of the version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use newleaf_domain::{ByteSize, Digest, PackageName, Timestamp};
use newleaf_launcher::Layout;
use newleaf_launcher::state::{AppSlot, State};
use newleaf_plugin_host::storage::{self, CopyError, DATABASE_FILE};
use newleaf_update::port::{
    AppRehearsed, Counting, Drained, Faults, Kept, PluginError, Plugins, Probation, Removed,
    Serving, StoreError, Traffic, Trouble,
};
use rusqlite::{Connection, ErrorCode};

/// The version that is never well.
pub(super) const UNWELL: &str = "3.0.0";

/// What a migration does once it has changed the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Migration {
    /// It is over.
    Ends,
    /// It never is: whoever waits is to die before that.
    Stands,
}

/// The apps of one host.
#[derive(Debug)]
pub(super) struct DiskApps {
    layout: Layout,
    migration: Migration,
    /// Told once a migration stands still.
    pub(super) stands: tokio::sync::Notify,
    running: Mutex<BTreeMap<PackageName, Running>>,
}

#[derive(Debug)]
struct Running {
    slot: AppSlot,
    held: bool,
    stopped: Option<String>,
}

/// Notes and their schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Notes {
    pub(super) schema: u32,
    pub(super) texts: Vec<String>,
}

/// Why something could not be done to the notes.
enum Fault {
    Sql(rusqlite::Error),
    Schema(u32),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl DiskApps {
    /// Loads every app but those that an update was busy with: they wait for recovery.
    pub(super) fn start(layout: &Layout, state: &State, migration: Migration) -> Arc<Self> {
        let loaded = state.apps.iter().filter_map(|(name, app)| {
            let slot = app.good.clone().filter(|_| app.trial.is_none() && !app.disabled)?;
            Some((name.clone(), Running { slot, held: false, stopped: None }))
        });
        Arc::new(Self {
            layout: layout.clone(),
            migration,
            stands: tokio::sync::Notify::new(),
            running: Mutex::new(loaded.collect()),
        })
    }

    /// The version whose requests are answered.
    pub(super) fn serves(&self, app: &PackageName) -> Option<AppSlot> {
        let running = self.lock();
        let it = running.get(app).filter(|it| !it.held && it.stopped.is_none())?;
        Some(it.slot.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PackageName, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn data(&self, app: &PackageName) -> PathBuf {
        data(&self.layout, app)
    }

    fn copy_in(&self, folder: &str) -> PathBuf {
        self.layout.dir().join("snapshots").join(folder)
    }

    fn edit(
        &self,
        app: &PackageName,
        change: impl FnOnce(&mut Running),
    ) -> Result<(), PluginError> {
        let unknown = || PluginError::Unknown { app: app.clone() };
        self.lock().get_mut(app).map(change).ok_or_else(unknown)
    }

    /// The component in a slot must be the one that was staged, as on every host.
    async fn is_intact(&self, app: &PackageName, slot: &AppSlot) -> Result<(), PluginError> {
        let path = self.layout.app_slot(app, slot).join("app.wasm");
        let staged = slot.component;
        let found = blocking(move || std::fs::read(path).map(|bytes| Digest::of(&bytes))).await;
        let machine = |detail: String| PluginError::Machine { app: app.clone(), detail };
        match found {
            Ok(found) if Some(found) == staged => Ok(()),
            Ok(found) => Err(machine(format!("it has SHA-256 {found}, {staged:?} was staged"))),
            Err(error) => Err(machine(error.to_string())),
        }
    }
}

/// Work on the disk goes to the one thread that may touch it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// The data folder of an app.
pub(super) fn data(layout: &Layout, app: &PackageName) -> PathBuf {
    layout.dir().join("data/apps").join(app.as_str())
}

/// Makes a folder and those above it; each new entry is durable.
fn make_folder(path: &Path) -> std::io::Result<()> {
    let Some(parent) = path.parent().filter(|_| !path.is_dir()) else { return Ok(()) };
    make_folder(parent)?;
    std::fs::create_dir(path)?;
    std::fs::File::open(parent)?.sync_all()
}

fn open(data: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(data.join(DATABASE_FILE))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

fn schema(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Adds notes, as people would.
pub(super) fn write(data: &Path, texts: &[&str]) -> rusqlite::Result<()> {
    let connection = open(data)?;
    for text in texts {
        connection.execute("INSERT INTO note (text) VALUES (?1)", [text])?;
    }
    connection.close().map_err(|(_, error)| error)
}

/// Every note; none where there is no database.
pub(super) fn read(data: &Path) -> rusqlite::Result<Notes> {
    if !data.join(DATABASE_FILE).exists() {
        return Ok(Notes::default());
    }
    let connection = open(data)?;
    let schema = schema(&connection)?;
    if schema == 0 {
        return Ok(Notes::default());
    }
    // What a migration adds must be there for each note, or it was not whole.
    let column = if schema > 1 { "loud" } else { "upper(text)" };
    let statement = format!("SELECT text FROM note WHERE {column} = upper(text) ORDER BY id");
    let mut statement = connection.prepare(&statement)?;
    let texts = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Notes { schema, texts })
}

/// Makes the tables, or brings them to the next schema, in one transaction.
fn migrate(data: &Path, from: Option<u32>, to: u32) -> Result<(), Fault> {
    let mut connection = open(data)?;
    let change = connection.transaction()?;
    match (schema(&change)?, from, to) {
        (found, _, to) if found == to => return Ok(()),
        (0, None, 1) => {
            let tables = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)";
            change.execute_batch(tables)?;
        }
        (1, Some(1), 2 | 3) => change.execute_batch(
            "ALTER TABLE note ADD COLUMN loud TEXT; UPDATE note SET loud = upper(text)",
        )?,
        (found, _, _) => return Err(Fault::Schema(found)),
    }
    change.pragma_update(None, "user_version", to)?;
    change.commit()?;
    Ok(connection.close().map_err(|(_, error)| error)?)
}

fn is_machine(error: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure,
    };
    let code = error.sqlite_error_code();
    code.is_some_and(|code| {
        let machine =
            [CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure];
        machine.contains(&code)
    })
}

fn explain(app: &PackageName, doing: &str, path: PathBuf, fault: Fault) -> PluginError {
    match fault {
        Fault::Sql(error) if is_machine(&error) => {
            PluginError::Io { doing: "changed", path, source: std::io::Error::other(error) }
        }
        Fault::Sql(error) => PluginError::Failed {
            app: app.clone(),
            doing: doing.to_owned(),
            detail: error.to_string(),
        },
        Fault::Schema(found) => PluginError::Failed {
            app: app.clone(),
            doing: doing.to_owned(),
            detail: format!("its data has schema {found}"),
        },
    }
}

fn copied(error: CopyError) -> PluginError {
    let path = PathBuf::from("snapshots");
    PluginError::Io { doing: "copied", path, source: std::io::Error::other(error) }
}

fn stored(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io { doing: "written", path: path.to_owned(), source }
}

#[async_trait]
impl Plugins for DiskApps {
    async fn prepare(&self, app: &PackageName, slot: &AppSlot) -> Result<String, PluginError> {
        self.is_intact(app, slot).await?;
        Ok("nothing to compile".to_owned())
    }

    async fn calm(&self, _app: &PackageName) {}

    async fn hold(&self, app: &PackageName) -> Result<(), PluginError> {
        self.edit(app, |running| running.held = true)
    }

    async fn pause(&self, app: &PackageName, _left: Duration) -> Result<(), PluginError> {
        self.hold(app).await
    }

    fn traffic(&self, _app: &PackageName) -> Traffic {
        Traffic::default()
    }

    async fn rehearsal_needs(&self, _app: &PackageName) -> Result<ByteSize, PluginError> {
        Ok(ByteSize::bytes(0))
    }

    /// A machine that cannot rehearse bounds no step: faults are to come in the steps themselves.
    async fn rehearse(
        &self,
        app: &PackageName,
        _slot: &AppSlot,
        _from: u32,
        _within: Duration,
    ) -> Result<AppRehearsed, PluginError> {
        let detail = "its notes are not copied while it serves".to_owned();
        Err(PluginError::Machine { app: app.clone(), detail })
    }

    async fn probe(
        &self,
        _app: &PackageName,
        _slot: &AppSlot,
        _pages: &[String],
    ) -> Result<(), PluginError> {
        Ok(())
    }

    async fn drained(&self, _app: &PackageName, _within: Duration) -> Result<Drained, PluginError> {
        Ok(Drained::default())
    }

    async fn snapshot(&self, app: &PackageName, folder: &str) -> Result<ByteSize, PluginError> {
        let (data, copy) = (self.data(app), self.copy_in(folder));
        blocking(move || {
            make_folder(&data).map_err(|source| PluginError::Io {
                doing: "made",
                path: data.clone(),
                source,
            })?;
            storage::snapshot(&data, &copy).map_err(copied)
        })
        .await
    }

    async fn restore(&self, app: &PackageName, folder: &str) -> Result<(), PluginError> {
        let (data, copy) = (self.data(app), self.copy_in(folder));
        blocking(move || storage::restore(&copy, &data).map_err(copied)).await
    }

    async fn data_size(&self, _app: &PackageName) -> Result<ByteSize, PluginError> {
        Ok(ByteSize::kib(16))
    }

    async fn keep(&self, app: &PackageName, kept: Kept) -> Result<(), StoreError> {
        let path = self.data(app).join("kept.json");
        blocking(move || {
            let text = serde_json::to_vec(&kept).unwrap_or_default();
            std::fs::write(&path, text).map_err(|source| stored(&path, source))
        })
        .await
    }

    async fn kept(&self, _app: &PackageName) -> Result<Option<Kept>, StoreError> {
        Ok(None)
    }

    async fn migrate(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        from: Option<u32>,
        _within: Duration,
    ) -> Result<(), PluginError> {
        let (data, to) = (self.data(app), slot.schema);
        let path = data.clone();
        let done = blocking(move || migrate(&data, from, to)).await;
        done.map_err(|fault| explain(app, "migrate", path, fault))?;
        if self.migration == Migration::Stands {
            self.stands.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    async fn health(&self, app: &PackageName, slot: &AppSlot) -> Result<(), PluginError> {
        let data = self.data(app);
        let path = data.clone();
        let found = blocking(move || read(&data)).await;
        let found = found.map_err(|error| explain(app, "read", path.clone(), Fault::Sql(error)))?;
        if found.schema != slot.schema {
            return Err(explain(app, "read its notes", path, Fault::Schema(found.schema)));
        }
        if slot.version.as_str() == UNWELL {
            let (app, doing) = (app.clone(), "answer for its health".to_owned());
            return Err(PluginError::Failed { app, doing, detail: "it is not well".to_owned() });
        }
        Ok(())
    }

    async fn swap(
        &self,
        app: &PackageName,
        slot: &AppSlot,
        _counting: Counting,
    ) -> Result<(), PluginError> {
        self.is_intact(app, slot).await?;
        let running = Running { slot: slot.clone(), held: true, stopped: None };
        self.lock().insert(app.clone(), running);
        Ok(())
    }

    async fn release(&self, app: &PackageName) -> Result<(), PluginError> {
        self.edit(app, |running| running.held = false)
    }

    async fn stop(&self, app: &PackageName, reason: &str) {
        // One that is not loaded serves nothing already.
        drop(self.edit(app, |running| running.stopped = Some(reason.to_owned())));
    }

    async fn forget(&self, app: &PackageName) {
        self.lock().remove(app);
    }

    async fn trouble(&self, _app: &PackageName, _probation: Probation) -> Trouble {
        std::future::pending().await
    }

    fn verdict(&self, _app: &PackageName, _probation: Probation) -> Result<Faults, Trouble> {
        Ok(Faults::default())
    }

    fn serving(&self, app: &PackageName) -> Option<Serving> {
        let running = self.lock();
        let it = running.get(app)?;
        Some(Serving {
            version: it.slot.version.clone(),
            stopped: it.stopped.clone(),
            left_behind: false,
            writes: Some(0),
            work: newleaf_update::view::Work::default(),
        })
    }

    async fn set_aside(&self, app: &PackageName, at: Timestamp) -> Result<(), PluginError> {
        let folder = Removed { app: app.clone(), at }.folder();
        moved(self.data(app), self.copy_in(&folder)).await
    }

    async fn set_aside_list(&self) -> Result<Vec<Removed>, PluginError> {
        // None of the stories removes an app.
        Ok(Vec::new())
    }

    async fn put_back(&self, removed: &Removed) -> Result<(), PluginError> {
        moved(self.copy_in(&removed.folder()), self.data(&removed.app)).await
    }

    async fn has_data(&self, app: &PackageName) -> Result<bool, PluginError> {
        Ok(self.data(app).is_dir())
    }

    async fn with_data(&self) -> Vec<PackageName> {
        self.lock().keys().filter(|app| self.data(app).is_dir()).cloned().collect()
    }
}

async fn moved(from: PathBuf, to: PathBuf) -> Result<(), PluginError> {
    let path = from.clone();
    let moved = blocking(move || std::fs::rename(&from, &to)).await;
    moved.map_err(|source| PluginError::Io { doing: "moved", path, source })
}
