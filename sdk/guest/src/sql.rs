//! The app's own SQLite database.
//!
//! ```ignore
//! sql::execute("INSERT INTO note (title) VALUES (?1)", &["Milk".into()])?;
//! for row in sql::query("SELECT id, title FROM note", &[])? {
//!     println!("{} {}", row.integer(0)?, row.text(1)?);
//! }
//! ```

use crate::{Error, bindings::newleaf::app::sql};

/// One value of a row or a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// REAL.
    Real(f64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

/// One row of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(Vec<Value>);

impl Row {
    /// The integer in `column`, counted from 0.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn integer(&self, column: usize) -> Result<i64, Error> {
        match self.0.get(column) {
            Some(Value::Integer(number)) => Ok(*number),
            other => Err(wrong(column, "an integer", other)),
        }
    }

    /// The text in `column`, counted from 0.
    ///
    /// # Errors
    /// There is no such column, or it holds something else.
    pub fn text(&self, column: usize) -> Result<&str, Error> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            other => Err(wrong(column, "a text", other)),
        }
    }

    /// All values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        &self.0
    }
}

/// Runs one statement and gives all its rows. `?1` in it is the first parameter.
///
/// # Errors
/// What the host or SQLite refuses.
pub fn query(statement: &str, parameters: &[Value]) -> Result<Vec<Row>, Error> {
    let found = sql::query(statement, &lower(parameters))?;
    Ok(found.rows.into_iter().map(|row| Row(row.into_iter().map(Into::into).collect())).collect())
}

/// Runs one statement and gives the number of rows it changed.
///
/// # Errors
/// What the host or SQLite refuses.
pub fn execute(statement: &str, parameters: &[Value]) -> Result<u64, Error> {
    Ok(sql::execute(statement, &lower(parameters))?)
}

/// Runs several statements without parameters, one after the other.
///
/// # Errors
/// That of the first statement that fails; those before it stay done.
pub fn execute_all(statements: &[&str]) -> Result<(), Error> {
    statements.iter().try_for_each(|statement| execute(statement, &[]).map(|_| ()))
}

/// Runs `work` in one transaction: all of it is done, or nothing.
///
/// # Errors
/// That of `work`, or of the commit; nothing has been changed then.
pub fn transaction<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    execute("BEGIN IMMEDIATE", &[])?;
    let result = work().and_then(|value| execute("COMMIT", &[]).map(|_| value));
    if result.is_err() {
        // SQLite may have rolled back already; then this is refused, and nothing is open.
        let _ = execute("ROLLBACK", &[]);
    }
    result
}

fn lower(parameters: &[Value]) -> Vec<sql::Value> {
    parameters.iter().cloned().map(Into::into).collect()
}

fn wrong(column: usize, wanted: &str, found: Option<&Value>) -> Error {
    Error::Failed(format!("column {column} is not {wanted} but {found:?}"))
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
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
