//! Answers of `/healthz` and `/readyz`.

use serde::{Deserialize, Serialize};

/// Whether the registry can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The answer.
    pub status: HealthState,
    /// What is wrong, in sentences; empty where nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// The two answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthState {
    /// All is well (200).
    Ok,
    /// Something is wrong (503).
    Failing,
}
