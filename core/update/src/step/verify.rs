//! Compares a downloaded package with what was signed: length, digest, and the whole manifest.
//! The one door to [`VerifiedArtifact`].

use newleaf_domain::manifest::InvalidManifest;
use newleaf_domain::{Manifest, Target};
use newleaf_trust::canonical::to_canonical;
use newleaf_trust::{TrustError, check_target};
use serde_json::Value;

use crate::explain::chain;
use crate::port::{Inspected, SlotError};
use crate::proof::{Fetched, Listed, VerifiedArtifact};
use crate::run::{Blame, Broken, Context, Passed, StepResult, Stop};

/// Why a package is not what was signed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VerifyError {
    /// It could not be read back.
    #[error("the download could not be read back")]
    Disk(#[source] SlotError),
    /// It is gone.
    #[error("the download is not there any more")]
    Gone,
    /// Other bytes than were signed.
    #[error("the package is not the one that was signed")]
    Trust(#[source] TrustError),
    /// It breaks the package format.
    #[error("the package is not read")]
    Package(#[source] SlotError),
    /// Its manifest is none.
    #[error("the package's manifest is not read")]
    Manifest(#[source] InvalidManifest),
    /// Its manifest says something else than the signed role.
    #[error(
        "the manifest in the package and the one that was signed differ in {field:?}: {package} and {signed}"
    )]
    Differs {
        /// The first field in which they differ.
        field: String,
        /// Its value in the package.
        package: String,
        /// Its value in the role.
        signed: String,
    },
    /// It is another release than the plan names.
    #[error("the package is {found}, but the plan names {planned}")]
    OtherRelease {
        /// What it says it is.
        found: String,
        /// What was planned.
        planned: String,
    },
}

impl VerifyError {
    const fn blame(&self) -> Blame {
        match self {
            Self::Disk(_) | Self::Gone => Blame::Machine,
            Self::Trust(_) => Blame::Delivery,
            Self::Package(error) if error.is_machine_fault() => Blame::Machine,
            Self::Package(_)
            | Self::Manifest(_)
            | Self::Differs { .. }
            | Self::OtherRelease { .. } => Blame::Version,
        }
    }

    fn todo(&self) -> String {
        match self {
            Self::Disk(_) | Self::Gone => "see to the disk, then try again".to_owned(),
            Self::Trust(error) => error.hint().to_owned(),
            Self::Package(error) if error.is_machine_fault() => {
                "see to the disk, then try again".to_owned()
            }
            Self::Package(_)
            | Self::Manifest(_)
            | Self::Differs { .. }
            | Self::OtherRelease { .. } => {
                "tell the release's author; do not install it by hand".to_owned()
            }
        }
    }
}

/// Hashes the file as it is on disk and compares it, then its manifest.
pub(crate) async fn run(cx: Context, fetched: Fetched) -> StepResult<VerifiedArtifact> {
    let listed = fetched.listed().clone();
    match verify(&cx, fetched).await {
        Ok(artifact) => {
            let detail = format!(
                "SHA-256 {}, signed by {}",
                listed.change().digest.short(),
                listed.file().signer.role
            );
            Ok(Passed::done(artifact, detail))
        }
        Err(error) => {
            // The next try must not find these bytes and skip the download.
            if let Err(left) = cx.updater.ports().slots.discard(listed.change().digest).await {
                tracing::warn!(update = %cx.id, error = chain(&left), "a refused download was not removed");
            }
            let (what, todo, blame) = (chain(&error), error.todo(), error.blame());
            Err(Stop::Failed(Broken { what, todo, blame }))
        }
    }
}

async fn verify(cx: &Context, fetched: Fetched) -> Result<VerifiedArtifact, VerifyError> {
    let slots = &cx.updater.ports().slots;
    let listed = fetched.listed();
    let digest = listed.change().digest;
    let measured =
        slots.measure(digest).await.map_err(VerifyError::Disk)?.ok_or(VerifyError::Gone)?;
    check_target(listed.file(), measured.length, measured.sha256).map_err(VerifyError::Trust)?;
    let inspected =
        slots.inspect(digest, &listed.change().target).await.map_err(VerifyError::Package)?;
    let manifest = compare(listed, &inspected)?;
    Ok(VerifiedArtifact::new(fetched, manifest, measured, inspected))
}

/// The package's manifest, if it says what was signed and planned.
fn compare(listed: &Listed, inspected: &Inspected) -> Result<Manifest, VerifyError> {
    let own = Manifest::signed_form(&inspected.manifest).map_err(VerifyError::Manifest)?;
    let signed = listed.file().signed_manifest();
    if let Some(field) = differing_field(&own, signed) {
        return Err(VerifyError::Differs {
            package: shown(&own, &field),
            signed: shown(signed, &field),
            field,
        });
    }
    let manifest = Manifest::parse(&inspected.manifest).map_err(VerifyError::Manifest)?;
    let change = listed.change();
    let is_core = manifest.id == Target::Core;
    if manifest.id != change.target
        || manifest.version != change.to
        || is_core != manifest.binary.is_some()
    {
        let found = format!("{} {}", manifest.id, manifest.version);
        return Err(VerifyError::OtherRelease {
            found,
            planned: format!("{} {}", change.target, change.to),
        });
    }
    Ok(manifest)
}

/// The first member, by name, in which two manifests differ canonically; none where they are equal.
fn differing_field(own: &Value, signed: &Value) -> Option<String> {
    if canonical(own).is_some_and(|bytes| Some(bytes) == canonical(signed)) {
        return None;
    }
    let (Some(a), Some(b)) = (own.as_object(), signed.as_object()) else {
        return Some("manifest".to_owned());
    };
    let mut fields = a.keys().chain(b.keys()).collect::<Vec<_>>();
    fields.sort();
    let differs = |field: &&&String| match (a.get(**field), b.get(**field)) {
        (Some(x), Some(y)) => canonical(x) != canonical(y),
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
    };
    Some(
        fields
            .iter()
            .find(differs)
            .map_or_else(|| "manifest".to_owned(), |field| (**field).clone()),
    )
}

/// None where the value has no canonical form, which no signed value lacks.
fn canonical(value: &Value) -> Option<Vec<u8>> {
    to_canonical(value).ok()
}

fn shown(value: &Value, field: &str) -> String {
    value
        .get(field)
        .map_or_else(|| "nothing".to_owned(), |value| value.to_string().chars().take(80).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_order_of_members_is_no_difference() {
        assert_eq!(differing_field(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})), None);
    }

    #[test]
    fn the_first_field_that_differs_is_named() {
        let own = json!({"id": "acme/notes", "schema": 2, "z": 1});
        assert_eq!(
            differing_field(&own, &json!({"id": "acme/notes", "schema": 3, "z": 2})).unwrap(),
            "schema"
        );
        assert_eq!(differing_field(&own, &json!({"id": "acme/notes", "schema": 2})).unwrap(), "z");
        assert_eq!(differing_field(&own, &Value::Null).unwrap(), "manifest");
    }
}
