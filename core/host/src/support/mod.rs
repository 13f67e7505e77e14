//! What helps someone who was not there: the kept end of the log, and a support bundle. Reads
//! files alone, so it works where nothing starts; whatever leaves the folder by it is redacted.

mod bundle;
mod facts;
pub(crate) mod kept_log;
mod redact;
mod tar;

pub(crate) use bundle::{bundle, file_name};
pub(crate) use redact::redacted;
