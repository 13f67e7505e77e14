//! A command that failed, as four lines and an exit code.

use std::error::Error;

use newleaf_domain::failure::UsageMistake;
use newleaf_keys::KeysError;
use newleaf_registry_api::Problem;

use crate::db::DbError;
use crate::dir::DirError;
use crate::init::InitError;
use crate::log::chain;
use crate::publish::BatchError;
use crate::registry::OpenError;
use crate::settings::SettingsError;

/// Exit code of a failure.
const FAILED: u8 = 1;
/// Exit code of a refusal by a rule of trust.
const REFUSED: u8 = 4;

/// What a person reads when a command failed.
#[derive(Debug)]
pub(super) struct Failure {
    /// How things stand now.
    pub(super) state: &'static str,
    /// What failed, with all causes.
    pub(super) failed: String,
    /// What the command did about it.
    pub(super) done: &'static str,
    /// What the person can do.
    pub(super) advice: String,
    /// The exit code.
    pub(super) code: u8,
}

impl Failure {
    /// A failure to `act` that changed nothing.
    pub(super) fn new(act: &str, error: &dyn Error, advice: impl Into<String>) -> Self {
        Self::said(format!("{act}: {}", chain(error)), advice)
    }

    /// A failure in words.
    pub(super) fn said(failed: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            state: "as before",
            failed: failed.into(),
            done: "nothing was changed",
            advice: advice.into(),
            code: FAILED,
        }
    }

    /// A command line that was not understood.
    pub(super) fn of_usage(mistake: UsageMistake) -> Self {
        Self {
            state: UsageMistake::STATE,
            failed: mistake.failed,
            done: UsageMistake::DONE,
            advice: mistake.todo,
            code: UsageMistake::EXIT,
        }
    }

    /// A role that the registry refused.
    pub(super) fn refused(role: &str, problem: &Problem) -> Self {
        let hint =
            problem.hint.clone().unwrap_or_else(|| "correct the role and sign again".to_owned());
        Self {
            state: "as before; the current version stays published",
            done: "the role was refused and its version number is free again",
            code: REFUSED,
            ..Self::said(format!("publish {role}: {problem}"), hint)
        }
    }
}

impl From<InitError> for Failure {
    fn from(error: InitError) -> Self {
        Self {
            state: "no registry was made",
            done: "what was written so far stays for you to look at",
            ..Self::new("make the registry", &error, error.hint())
        }
    }
}
impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let code = if matches!(error, OpenError::OfflineKey { .. }) { REFUSED } else { FAILED };
        Self { code, ..Self::new("open the registry", &error, error.hint()) }
    }
}
impl From<DirError> for Failure {
    fn from(error: DirError) -> Self {
        Self::new("use the registry's folder", &error, error.hint())
    }
}
impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new("read the settings", &error, "correct registry.toml")
    }
}
impl From<DbError> for Failure {
    fn from(error: DbError) -> Self {
        Self::new("use the database", &error, "check the disk and try again")
    }
}
impl From<BatchError> for Failure {
    fn from(error: BatchError) -> Self {
        Self {
            state: "what was sent is kept and will be published by the next `serve`",
            done: "the queue was left as it is",
            ..Self::new("publish", &error, "check the disk and try again")
        }
    }
}
impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Self::new("sign", &error, error.hint())
    }
}
