//! Version 1 of the contract: `newleaf:app@1`, implemented for an [`Instance`].
//! Only translates; what may be done is decided in `storage`.

use wasmtime::component::{HasSelf, Linker};

use self::bindings::newleaf::app::{blobs, config, log, sql, store};
use crate::{
    instance::Instance,
    storage::{Rows, StorageError, Value},
};

/// The interface of the optional lifecycle functions.
pub(crate) const LIFECYCLE: &str = "newleaf:app/lifecycle@1.0.0";

/// The interface of an app that does work at regular times.
pub(crate) const JOBS: &str = "newleaf:app/jobs@1.1.0";

/// The longest log line in bytes.
const MAX_LINE: usize = 4096;

mod bindings {
    wasmtime::component::bindgen!({
        path: "../../sdk/wit/v1",
        world: "newleaf:app/imports",
        imports: {
            default: trappable,
            "newleaf:app/store": async | trappable,
            "newleaf:app/sql": async | trappable,
            "newleaf:app/blobs": async | trappable,
        },
    });
}

/// Adds the interfaces to `linker`.
pub(crate) fn add_to_linker(linker: &mut Linker<Instance>) -> wasmtime::Result<()> {
    store::add_to_linker::<_, HasSelf<Instance>>(linker, |instance| instance)?;
    sql::add_to_linker::<_, HasSelf<Instance>>(linker, |instance| instance)?;
    blobs::add_to_linker::<_, HasSelf<Instance>>(linker, |instance| instance)?;
    config::add_to_linker::<_, HasSelf<Instance>>(linker, |instance| instance)?;
    log::add_to_linker::<_, HasSelf<Instance>>(linker, |instance| instance)
}

impl store::Host for Instance {
    async fn get(
        &mut self,
        key: String,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, store::Error>> {
        let _lent = self.lend(key.len())?;
        Ok(self.session.get(key).await.map_err(Into::into))
    }

    async fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
    ) -> wasmtime::Result<Result<(), store::Error>> {
        let _lent = self.lend(key.len() + value.len())?;
        Ok(self.session.set(key, value).await.map_err(Into::into))
    }

    async fn delete(&mut self, key: String) -> wasmtime::Result<Result<bool, store::Error>> {
        let _lent = self.lend(key.len())?;
        Ok(self.session.delete(key).await.map_err(Into::into))
    }

    async fn keys(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, store::Error>> {
        let _lent = self.lend(listed(&prefix, after.as_deref()))?;
        Ok(self.session.keys(prefix, after, limit).await.map_err(Into::into))
    }
}

impl sql::Host for Instance {
    async fn query(
        &mut self,
        statement: String,
        parameters: Vec<sql::Value>,
    ) -> wasmtime::Result<Result<sql::Rows, sql::Error>> {
        let _lent = self.lend(statement.len() + taken(&parameters))?;
        let parameters = parameters.into_iter().map(Into::into).collect();
        let rows = self.session.query(statement, parameters).await;
        Ok(rows.map(Into::into).map_err(|error| self.sql_error(error)))
    }

    async fn execute(
        &mut self,
        statement: String,
        parameters: Vec<sql::Value>,
    ) -> wasmtime::Result<Result<u64, sql::Error>> {
        let _lent = self.lend(statement.len() + taken(&parameters))?;
        let parameters = parameters.into_iter().map(Into::into).collect();
        let changed = self.session.execute(statement, parameters).await;
        Ok(changed.map_err(|error| self.sql_error(error)))
    }
}

impl blobs::Host for Instance {
    async fn get(
        &mut self,
        name: String,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, blobs::Error>> {
        let _lent = self.lend(name.len())?;
        Ok(self.session.blob(name, offset, length).await.map_err(Into::into))
    }

    async fn set(
        &mut self,
        name: String,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), blobs::Error>> {
        let _lent = self.lend(name.len() + bytes.len())?;
        Ok(self.session.set_blob(name, bytes).await.map_err(Into::into))
    }

    async fn append(
        &mut self,
        name: String,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), blobs::Error>> {
        let _lent = self.lend(name.len() + bytes.len())?;
        Ok(self.session.append_blob(name, bytes).await.map_err(Into::into))
    }

    async fn size(&mut self, name: String) -> wasmtime::Result<Result<Option<u64>, blobs::Error>> {
        let _lent = self.lend(name.len())?;
        Ok(self.session.blob_size(name).await.map_err(Into::into))
    }

    async fn delete(&mut self, name: String) -> wasmtime::Result<Result<bool, blobs::Error>> {
        let _lent = self.lend(name.len())?;
        Ok(self.session.delete_blob(name).await.map_err(Into::into))
    }

    async fn names(
        &mut self,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<String>, blobs::Error>> {
        let _lent = self.lend(listed(&prefix, after.as_deref()))?;
        Ok(self.session.blob_names(prefix, after, limit).await.map_err(Into::into))
    }
}

/// What the host keeps of a call for a page of names.
fn listed(prefix: &str, after: Option<&str>) -> usize {
    prefix.len() + after.map_or(0, str::len)
}

/// What the host keeps of a statement's parameters.
fn taken(parameters: &[sql::Value]) -> usize {
    let content = |value: &sql::Value| match value {
        sql::Value::Text(text) => text.len(),
        sql::Value::Blob(bytes) => bytes.len(),
        sql::Value::Null | sql::Value::Integer(_) | sql::Value::Real(_) => 0,
    };
    size_of_val(parameters) + parameters.iter().map(content).sum::<usize>()
}

impl Instance {
    fn sql_error(&self, error: StorageError) -> sql::Error {
        if let StorageError::Denied(what) = &error
            && self.may_be_told_of()
        {
            let what: String = what.chars().take(300).collect();
            tracing::warn!(app = %self.name(), what, "a statement was denied");
        }
        error.into()
    }
}

impl config::Host for Instance {
    fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.setting(&key).map(ToOwned::to_owned))
    }

    fn base_path(&mut self) -> wasmtime::Result<String> {
        Ok(self.base().to_owned())
    }
}

impl log::Host for Instance {
    fn write(&mut self, level: log::Level, mut message: String) -> wasmtime::Result<()> {
        if !self.may_log() {
            return Ok(());
        }
        message.truncate(message.floor_char_boundary(MAX_LINE));
        // Made harmless a character can become ten.
        let message: String = message.escape_debug().take(MAX_LINE).collect();
        let app = self.name();
        match level {
            log::Level::Debug => tracing::debug!(%app, "{message}"),
            log::Level::Info => tracing::info!(%app, "{message}"),
            log::Level::Warning => tracing::warn!(%app, "{message}"),
            log::Level::Error => tracing::error!(%app, "{message}"),
        }
        Ok(())
    }
}

impl From<StorageError> for store::Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotGranted => Self::NotGranted,
            StorageError::QuotaExceeded => Self::QuotaExceeded,
            StorageError::TooLarge => Self::TooLarge,
            StorageError::Interrupted => Self::Interrupted,
            StorageError::Busy => Self::Busy,
            StorageError::Denied(reason) | StorageError::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<StorageError> for blobs::Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotGranted => Self::NotGranted,
            StorageError::QuotaExceeded => Self::QuotaExceeded,
            StorageError::TooLarge => Self::TooLarge,
            StorageError::Interrupted => Self::Interrupted,
            StorageError::Busy => Self::Busy,
            StorageError::Denied(reason) | StorageError::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<StorageError> for sql::Error {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotGranted => Self::NotGranted,
            StorageError::Denied(what) => Self::Denied(what),
            StorageError::QuotaExceeded => Self::QuotaExceeded,
            StorageError::TooLarge => Self::TooLarge,
            StorageError::Interrupted => Self::Interrupted,
            StorageError::Busy => Self::Busy,
            StorageError::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<sql::Value> for Value {
    fn from(value: sql::Value) -> Self {
        match value {
            sql::Value::Null => Self::Null,
            sql::Value::Integer(number) => Self::Integer(number),
            sql::Value::Real(number) => Self::Real(number),
            sql::Value::Text(text) => Self::Text(text),
            sql::Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Value> for sql::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Real(number) => Self::Real(number),
            Value::Text(text) => Self::Text(text),
            Value::Blob(bytes) => Self::Blob(bytes),
        }
    }
}

impl From<Rows> for sql::Rows {
    fn from(found: Rows) -> Self {
        let rows = found.rows.into_iter().map(|row| row.into_iter().map(Into::into).collect());
        Self { rows: rows.collect(), columns: found.columns }
    }
}
