//! What is logged, and how.

use serde::Deserialize;

/// Settings of the log on stderr.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Directives as `tracing-subscriber` takes them, such as `info,newleaf=debug`.
    pub filter: String,
    /// The form of a line.
    pub form: LogForm,
}

/// The form of a line of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogForm {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".to_owned(), form: LogForm::Text }
    }
}
