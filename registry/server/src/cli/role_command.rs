//! `role`: reads the current file of a role, and publishes a finished one that was signed offline.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use clap::Subcommand;
use newleaf_domain::Clock as _;
use newleaf_registry_api::{NamePattern, Submission, SubmissionState};
use newleaf_trust::role::MetadataVersion;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, interval};

use super::publisher_command::open;
use super::{DirArg, Failure, Output};
use crate::clock::SystemClock;
use crate::db::{self, Db};
use crate::dir::{Dir, DirError};
use crate::durable::{self, Readers};
use crate::publish::{Receipt, ReceiveError, receive};
use crate::registry::Registry;
use crate::settings::Settings;

/// How often the database is asked whether the serving process has decided.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long the serving process may take beyond its batch.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Debug, Subcommand)]
pub(super) enum Role {
    /// Write the current file of a role, to be signed on top of.
    Get {
        #[command(flatten)]
        dir: DirArg,
        /// The role: root, targets, core, claimed.
        name: String,
        /// Where to write it.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Publish version N+1 of an offline role: root, targets, claimed.
    Publish {
        #[command(flatten)]
        dir: DirArg,
        /// The signed file, `<N>.<role>.json` or `<role>.json`.
        file: PathBuf,
    },
}

impl Role {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Get { dir, name, out } => get(dir, &name, &out, output).await,
            Self::Publish { dir, file } => {
                let role = OfflineRole::read(&file)?;
                publish(&Dir::new(dir.dir), &role).await?;
                role.print(output);
                Ok(())
            }
        }
    }
}

async fn get(dir: DirArg, name: &str, out: &PathBuf, output: Output) -> Result<(), Failure> {
    let db = open(dir).await?;
    let role = db::role(&mut *db.read().await?, name).await?;
    let unknown =
        || Failure::said(format!("find role {name}"), "name root, targets, core or claimed");
    let role = role.ok_or_else(unknown)?;
    durable::write(out, &role.file, Readers::All).map_err(|error| {
        Failure::new("write the role", &error, "choose another file with --out")
    })?;
    let value = json!({"role": name, "version": role.version, "file": out});
    output.done(&format!("{name} version {} in {}", role.version, out.display()), &value);
    Ok(())
}

/// A role file that was signed elsewhere.
pub(super) struct OfflineRole {
    pub(super) name: String,
    pub(super) version: MetadataVersion,
    pub(super) file: Vec<u8>,
}

/// The only parts that are read before the check proper.
#[derive(Deserialize)]
struct Envelope {
    signed: Version,
}
#[derive(Deserialize)]
struct Version {
    version: MetadataVersion,
}

impl OfflineRole {
    /// Reads the file; the role's name is the file's, without its version.
    pub(super) fn read(path: &PathBuf) -> Result<Self, Failure> {
        let advice = "name a role file such as 2.claimed.json";
        let wrong = |error: &dyn std::error::Error| {
            Failure::new(&format!("read {}", path.display()), error, advice)
        };
        let file = fs::read(path).map_err(|error| wrong(&error))?;
        let Envelope { signed } = serde_json::from_slice(&file).map_err(|error| wrong(&error))?;
        let name = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json"));
        let name =
            name.ok_or_else(|| wrong(&io::Error::other("its name does not end in .json")))?;
        let name = match name.split_once('.') {
            Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => rest,
            _ => name,
        };
        Ok(Self { name: name.to_owned(), version: signed.version, file })
    }

    pub(super) fn print(&self, output: Output) {
        let value = json!({"role": self.name, "version": self.version});
        output.done(&format!("{} version {} published", self.name, self.version), &value);
    }
}

/// Publishes a role: by itself where no server runs, else through the one that does. Returns once
/// hosts can see it.
pub(super) async fn publish(dir: &Dir, role: &OfflineRole) -> Result<(), Failure> {
    dir.require()?;
    let db = Db::open(&dir.database()).await?;
    let id = send(&db, role).await?;
    let Some(id) = id else { return Ok(()) };
    let settings = Settings::read(&dir.settings())?;
    let submission = match Registry::open(dir.clone(), settings, Arc::new(SystemClock)).await {
        Ok(registry) => {
            registry.run_batch().await?;
            let decided = db::submission(&mut *db.read().await?, id).await?;
            registry.close().await;
            decided
        }
        Err(crate::OpenError::Dir(DirError::InUse { .. })) => {
            wait(&db, id, settings.batch() + PATIENCE).await?
        }
        Err(error) => return Err(error.into()),
    };
    db.close().await;
    judge(role, submission)
}

async fn send(db: &Db, role: &OfflineRole) -> Result<Option<i64>, Failure> {
    let OfflineRole { name, version, file } = role;
    let received = receive(db, name, *version, &NamePattern::Any, file, SystemClock.now()).await;
    match received {
        Ok(Receipt::Queued(id)) => Ok(Some(id)),
        Ok(Receipt::Current) => Ok(None),
        Err(error @ (ReceiveError::Conflict { .. } | ReceiveError::Pending { .. })) => {
            let advice =
                format!("get the current one with `role get --dir D {name}` and sign on top of it");
            Err(Failure::new("publish the role", &error, advice))
        }
        Err(ReceiveError::Db(error)) => Err(error.into()),
    }
}

/// Asks the database until the server has decided, or for too long.
async fn wait(db: &Db, id: i64, patience: Duration) -> Result<Option<Submission>, Failure> {
    let deadline = Instant::now() + patience;
    let mut beat = interval(ASK_EVERY);
    loop {
        beat.tick().await;
        let submission = db::submission(&mut *db.read().await?, id).await?;
        if submission.as_ref().is_none_or(|found| found.state.is_decided())
            || Instant::now() > deadline
        {
            return Ok(submission);
        }
    }
}

fn judge(role: &OfflineRole, submission: Option<Submission>) -> Result<(), Failure> {
    let Some(Submission { state, problem, .. }) = submission else {
        let failed = format!("publish {}: its submission is gone", role.name);
        return Err(Failure::said(failed, "restore registry.db from a backup"));
    };
    match (state, problem) {
        (SubmissionState::Published, _) => Ok(()),
        (SubmissionState::Rejected, Some(problem)) => Err(Failure::refused(&role.name, &problem)),
        (state, _) => Err(Failure {
            state: "the role is queued",
            done: "it stays queued and will be published when the server gets to it",
            ..Failure::said(
                format!("see {} published in time; it is {}", role.name, state.as_str()),
                "look at the server's log",
            )
        }),
    }
}
