//! Rules that hold for every role: who signed it, which version it is, when it expires, and that
//! nothing released ever changes.

use newleaf_domain::{ByteSize, Digest, Timestamp};
use newleaf_registry_api::{Code, Problem};
use newleaf_trust::role::{RoleBody, Signed, TargetRecord};
use newleaf_trust::{Authority, Limits, TrustError, Verified, verify_role};

use super::{CheckError, NewFile};
use crate::db::{self, SubmissionRow};
use crate::publish::BatchError;
use crate::registry::Registry;
use crate::role_signing::SigningError;

/// Longest life of a role that offline keys sign, with a day's grace for clocks.
const DAY: i64 = 86_400;

/// The body of `submission`, if a threshold of `authority` signed it, its version is the one it was
/// sent as, and it expires neither now nor later than `lifetime` seconds from now.
pub(super) fn verified<T: RoleBody>(
    submission: &SubmissionRow,
    authority: &Authority,
    lifetime: i64,
    now: Timestamp,
) -> Result<Verified<T>, Problem> {
    let file = format!("{}.json", submission.role);
    check_length(submission)?;
    let role = verify_role::<T>(&file, &submission.file, authority, &Limits::default())
        .map_err(|error| untrusted(&error))?;
    if role.version() != submission.version {
        let detail = format!("version is {}, but {} was sent", role.version(), submission.version);
        return Err(refused("signed.version", detail));
    }
    if role.expires() <= now {
        let detail = format!("role expired at {}, and it is {now}", role.expires());
        return Err(refused("signed.expires", detail).hint("sign it again with a later expiry"));
    }
    let latest = now.plus_seconds(lifetime + DAY);
    if role.expires() > latest {
        let detail = format!("role expires at {}, later than {latest}", role.expires());
        return Err(refused("signed.expires", detail)
            .hint(format!("let it expire {} days after it is signed", lifetime / DAY)));
    }
    Ok(role)
}

/// A role that is longer than hosts read would shut its readers out.
fn check_length(submission: &SubmissionRow) -> Result<(), Problem> {
    let limits = Limits::default();
    let limit = match submission.role.as_str() {
        "root" => limits.root,
        "targets" => limits.targets,
        _ => limits.role,
    };
    let length = ByteSize::bytes(submission.file.len() as u64);
    if length <= limit {
        return Ok(());
    }
    Err(refused("signed", format!("role is {length}, but hosts read {limit} at most"))
        .hint("leave old releases out; what is released stays where it is"))
}

/// A refusal of the role, at `field`.
pub(super) fn refused(field: impl Into<String>, detail: impl Into<String>) -> Problem {
    Problem::new(Code::RoleRefused, detail).at(field)
}

/// A refusal of the package or file at `path`.
pub(super) fn refused_at(path: &str, below: &str, detail: impl Into<String>) -> Problem {
    refused(at(path, below), detail)
}

/// The field of a role that describes the file at `path`, and what stands `below` it.
pub(super) fn at(path: &str, below: &str) -> String {
    format!("targets[\"{path}\"]{below}")
}

pub(super) fn untrusted(error: &TrustError) -> Problem {
    if matches!(error, TrustError::WrongKey { .. } | TrustError::ThresholdNotMet { .. }) {
        let hint = "sign with the keys that may sign this role, as many as its threshold says";
        return refused("signatures", error.to_string()).hint(hint);
    }
    refused("signed", error.to_string()).hint(error.hint())
}

/// The current body of the role called `name`.
pub(super) async fn current<T: RoleBody>(
    registry: &Registry,
    name: &str,
) -> Result<Option<T>, CheckError> {
    let Some(row) = db::role(&mut *registry.db.read().await?, name).await? else {
        return Ok(None);
    };
    let parsed = Signed::<T>::parse(name, &row.file, &Limits::default());
    let stored = |error| CheckError::Fault(BatchError::Signing(SigningError::Stored(error)));
    parsed.map(|signed| Some(signed.body)).map_err(stored)
}

/// The digest that a record gives; [`verified`] has refused records without one.
pub(super) fn digest(path: &str, record: &TargetRecord) -> Result<Digest, Problem> {
    let text = record.hashes.get("sha256").map_or("", String::as_str);
    Digest::parse(text).map_err(|error| refused_at(path, ".hashes.sha256", error.to_string()))
}

/// Holds a record against what was ever released at its path and against the uploads: nothing for
/// a file that is out already, the new file for one that was uploaded.
pub(super) async fn new_file(
    registry: &Registry,
    path: &str,
    record: &TargetRecord,
    limit: ByteSize,
) -> Result<Option<NewFile>, CheckError> {
    let sha256 = digest(path, record)?;
    let released = db::released(&mut *registry.db.read().await?, path).await?;
    match released {
        Some((old, length)) if old == sha256 && length == record.length => return Ok(None),
        Some((old, _)) if old == sha256 => {
            let detail =
                format!("length is {}, but that of the released file is not", record.length);
            return Err(refused_at(path, ".length", detail).into());
        }
        Some((old, _)) => {
            let detail = format!("{path} was released as {old} and cannot become {sha256}");
            return Err(Problem::new(Code::AlreadyReleased, detail)
                .at(at(path, ".hashes.sha256"))
                .hint("a release never changes: give the new one a higher version")
                .into());
        }
        None => {}
    }
    if record.length > limit {
        let detail = format!("{path} is {}, more than {limit}", record.length);
        return Err(refused_at(path, ".length", detail).into());
    }
    let read = |source| BatchError::Read { what: format!("the upload of {path}"), source };
    let uploaded = registry.objects.length(sha256).await.map_err(read)?;
    match uploaded {
        Some(length) if length == record.length => {
            Ok(Some(NewFile { path: path.to_owned(), sha256, length }))
        }
        Some(length) => {
            let detail = format!("length is {}, but {length} were uploaded", record.length);
            Err(refused_at(path, ".length", detail).into())
        }
        None => Err(refused_at(path, "", format!("{path} with SHA-256 {sha256} was not uploaded"))
            .hint("upload the file first, then send the role again")
            .into()),
    }
}
