//! One instance's use of its database: all its calls run on one connection, off the reactor.

use std::sync::Arc;

use super::{
    database::{Database, StorageError},
    guard::Guarded,
    keys,
    statement::{self, Rows, Value, explain},
};
use crate::{meter::Meter, stats::Running};

/// The database as one instance sees it. A transaction it leaves open is rolled back.
#[derive(Debug)]
pub(crate) struct Session {
    database: Arc<Database>,
    meter: Arc<Meter>,
    /// Keeps the app from counting as drained while a statement outlives its instance.
    running: Arc<Running>,
    connection: Option<Guarded>,
}

impl Session {
    /// A session that has not used the database yet.
    pub(crate) fn new(database: &Arc<Database>, meter: &Arc<Meter>, running: Arc<Running>) -> Self {
        Self { database: database.clone(), meter: meter.clone(), running, connection: None }
    }

    /// Runs one statement and gives all its rows.
    pub(crate) async fn query(
        &mut self,
        text: String,
        parameters: Vec<Value>,
    ) -> Result<Rows, StorageError> {
        self.run(move |guarded, database| statement::query(guarded, database, &text, &parameters))
            .await
    }

    /// Runs one statement and gives the number of rows it changed.
    pub(crate) async fn execute(
        &mut self,
        text: String,
        parameters: Vec<Value>,
    ) -> Result<u64, StorageError> {
        self.run(move |guarded, database| statement::execute(guarded, database, &text, &parameters))
            .await
    }

    /// The value of `key`.
    pub(crate) async fn get(&mut self, key: String) -> Result<Option<Vec<u8>>, StorageError> {
        check_key(&key)?;
        self.run_as_host(move |connection| keys::get(connection, &key)).await
    }

    /// Gives `key` a value.
    pub(crate) async fn set(&mut self, key: String, value: Vec<u8>) -> Result<(), StorageError> {
        check_key(&key)?;
        self.run(move |guarded, database| {
            database.keep_log_small(guarded)?;
            let set = guarded.as_host(|connection| keys::set(connection, &key, &value));
            set.map_err(|error| explain(guarded, database, &error))
        })
        .await
    }

    /// Removes `key`; whether it was there.
    pub(crate) async fn delete(&mut self, key: String) -> Result<bool, StorageError> {
        check_key(&key)?;
        self.run_as_host(move |connection| keys::delete(connection, &key)).await
    }

    /// A page of keys.
    pub(crate) async fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<String>, StorageError> {
        check_key(&prefix)?;
        self.run_as_host(move |connection| keys::page(connection, &prefix, after.as_deref(), limit))
            .await
    }

    async fn run_as_host<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StorageError> {
        self.run(move |guarded, database| {
            guarded.as_host(work).map_err(|error| explain(guarded, database, &error))
        })
        .await
    }

    /// Runs `work` on a thread that may block, with this instance's connection.
    async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Guarded, &Database) -> Result<T, StorageError> + Send + 'static,
    ) -> Result<T, StorageError> {
        let database = self.database.clone();
        let meter = self.meter.clone();
        let running = self.running.clone();
        let kept = self.connection.take();
        let done = tokio::task::spawn_blocking(move || {
            let guarded = match kept {
                Some(guarded) => guarded,
                None => database.take()?,
            };
            guarded.charge_to(&meter);
            let result = work(&guarded, &database);
            guarded.release_meter();
            drop(running);
            Ok((guarded, result))
        });
        let (guarded, result) =
            done.await.map_err(|error| StorageError::Failed(error.to_string()))??;
        self.connection = Some(guarded);
        result
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.meter.cancel();
        if let Some(guarded) = self.connection.take() {
            self.database.give_back(guarded);
        }
    }
}

fn check_key(key: &str) -> Result<(), StorageError> {
    if key.len() > keys::MAX_KEY { Err(StorageError::TooLarge) } else { Ok(()) }
}
