//! An app with data: what the host calls, and when.

use crate::{Error, Request, Response};

/// An app that keeps data. Name the type with [`app!`](crate::app).
pub trait App {
    /// Answers a request.
    fn handle(request: &Request) -> Response;

    /// Prepares empty data: called once, at installation.
    ///
    /// # Errors
    /// The text is shown to the administrator, and the app is not installed.
    fn init() -> Result<(), Error> {
        Ok(())
    }

    /// Brings data from schema `from` to schema `to`, both as in `manifest.json`. Called on a copy
    /// first; put all of it in one [`transaction`](crate::sql::transaction).
    ///
    /// # Errors
    /// The text is shown to the administrator, and the data stays as it was.
    fn migrate(from: u32, to: u32) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        Err(Error::Failed(format!("this app has no migration from schema {from} to {to}")))
    }

    /// Says whether the app can do its work. Called before an update is let live.
    ///
    /// # Errors
    /// The text is shown to the administrator, and the update is undone.
    fn health() -> Result<(), Error> {
        Ok(())
    }
}
