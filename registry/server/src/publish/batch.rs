//! One batch: decides every role that waits, signs once for all of them, and shows the result.

use newleaf_domain::Timestamp;
use newleaf_registry_api::Problem;

use super::check::{CheckError, Checked};
use crate::db::{self, DbError, RoleRow, SubmissionRow};
use crate::durable::WriteError;
use crate::registry::Registry;
use crate::role_signing::{self, SigningError, sign_online, store_role};
use crate::tree::TreeError;

/// Why a batch stopped. Whatever it had decided stays decided; the next batch goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The online roles could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A file of the repository has a name that cannot be served.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file could not be read.
    #[error("{what} could not be read")]
    Read {
        /// Which.
        what: String,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A role that every registry has is missing from the database.
    #[error("the database holds no role {role}")]
    Incomplete {
        /// The role.
        role: &'static str,
    },
    /// Blocking work was cut off.
    #[error("work on the disk was cut off")]
    Task(#[source] tokio::task::JoinError),
}

impl Registry {
    /// Runs one batch and tells everybody who waits for a decision.
    ///
    /// # Errors
    /// [`BatchError`]; the batch may be run again at any time.
    pub async fn run_batch(&self) -> Result<(), BatchError> {
        let alone = self.batch.lock().await;
        let done = self.decide_and_show().await;
        drop(alone);
        self.batches.send_modify(|count| *count += 1);
        done
    }

    async fn decide_and_show(&self) -> Result<(), BatchError> {
        self.write_outbox().await?; // what a crash left behind
        let now = self.now();
        for submission in db::validating(&mut *self.db.read().await?).await? {
            self.decide(&submission, now).await?;
        }
        self.sign_what_changed(now).await?;
        Ok(())
    }

    /// Checks one role; accepts it with all it brings, or rejects it with the reason.
    pub(super) async fn decide(
        &self,
        submission: &SubmissionRow,
        now: Timestamp,
    ) -> Result<(), BatchError> {
        match self.check(submission, now).await {
            Ok(checked) => self.accept(submission, &checked, now).await,
            Err(CheckError::Refused(problem)) => self.reject(submission, &problem).await,
            Err(CheckError::Fault(error)) => Err(error),
        }
    }

    async fn reject(&self, submission: &SubmissionRow, why: &Problem) -> Result<(), BatchError> {
        tracing::info!(role = submission.role, version = %submission.version, %why, "role rejected");
        let mut transaction = self.db.write().await?;
        db::reject(&mut transaction, submission.id, why).await?;
        transaction.commit().await.map_err(DbError::from)?;
        Ok(())
    }

    /// Gives the new files their public names, then records everything in one transaction. Nobody
    /// knows the names before the role that lists them is out.
    async fn accept(
        &self,
        submission: &SubmissionRow,
        checked: &Checked,
        now: Timestamp,
    ) -> Result<(), BatchError> {
        for file in &checked.files {
            let stored = newleaf_trust::layout::stored_path(&file.path, file.sha256);
            let from = self.objects.path(file.sha256);
            self.publish_object(from, &format!("targets/{stored}")).await?;
        }
        self.record(submission, checked, now).await?;
        tracing::info!(role = submission.role, version = %submission.version, "role accepted");
        Ok(())
    }

    async fn record(
        &self,
        submission: &SubmissionRow,
        checked: &Checked,
        now: Timestamp,
    ) -> Result<(), BatchError> {
        let mut transaction = self.db.write().await?;
        for file in &checked.files {
            db::record_path(&mut transaction, &file.path, file.sha256, file.length, now).await?;
        }
        for release in &checked.releases {
            db::record_release(&mut transaction, release).await?;
        }
        for (app, version, release) in &checked.revised {
            db::revise_release(&mut transaction, app, version, release).await?;
        }
        for claim in &checked.claims {
            db::claimed(&mut transaction, &claim.namespace, &claim.keys, claim.threshold, now)
                .await?;
        }
        let row = RoleRow {
            name: submission.role.clone(),
            version: submission.version,
            signed: now,
            file: submission.file.clone(),
        };
        store_role(&mut transaction, &row, now).await?;
        db::accept(&mut transaction, submission.id).await?;
        transaction.commit().await.map_err(DbError::from)?;
        Ok(())
    }

    /// Signs the online roles where they have changed or are due, writes them, and records that
    /// hosts can see what was accepted.
    async fn sign_what_changed(&self, now: Timestamp) -> Result<(), BatchError> {
        if !self.must_sign(now).await? {
            return Ok(());
        }
        let mut transaction = self.db.write().await?;
        let advisories = sign_online(&mut transaction, &self.keys, now).await?;
        transaction.commit().await.map_err(DbError::from)?;
        self.write_outbox().await?;
        let mut transaction = self.db.write().await?;
        db::publish_accepted(&mut transaction).await?;
        db::publish_advisories(&mut transaction, &advisories).await?;
        transaction.commit().await.map_err(DbError::from)?;
        self.released.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn must_sign(&self, now: Timestamp) -> Result<bool, BatchError> {
        let mut connection = self.db.read().await?;
        let changed = db::has_accepted(&mut connection).await?
            || db::unpublished_advisories(&mut connection).await?;
        drop(connection);
        Ok(changed || role_signing::next_due(&self.db).await? <= now)
    }
}
