//! Makes the change and the plan of a release that was chosen. Decides nothing.

use newleaf_domain::{Digest, Grants, Manifest, PlanId, Target, Timestamp};
use newleaf_trust::canonical::to_canonical;
use serde::Serialize;

use crate::judge::Data;
use crate::listing::{Described, Listing};
use crate::{Because, Change, Installed, InstalledApp, InstalledCore, Needs, Plan};

/// The change from what runs to `listing`, of which `described` is the description.
pub(crate) fn change(
    listing: &Listing,
    described: &Described,
    installed: &Installed,
    because: Because,
) -> Change {
    let Described { manifest, release } = described;
    let target = listing.path.target();
    let from = installed.version_of(&target).cloned();
    let held = held_grants(installed, &target);
    let before = installed.data_of(&target);
    let after =
        after(before, Data { schema: manifest.schema, oldest_reader: manifest.oldest_reader });
    let change = Change {
        step: from.as_ref().map(|from| manifest.version.step_from(from)),
        from,
        because,
        to: manifest.version.clone(),
        path: listing.path.to_string(),
        digest: listing.digest,
        length: listing.length,
        channel: release.channel,
        published: release.published,
        level: listing.level,
        schema: (before.map_or(0, |data| data.schema), after.schema),
        writes: manifest.schema,
        oldest_reader: after.oldest_reader,
        migrations: Vec::new(),
        grants: Grants::all_of(&manifest.claims()),
        grant_changes: held.changes_to(&manifest.claims()),
        breaking: manifest.breaking.clone(),
        security: manifest.security.clone(),
        target,
    };
    let migrations = if change.migrates() { manifest.migrations.clone() } else { Vec::new() };
    Change { migrations, ..change }
}

/// The host once `listing` runs on it.
pub(crate) fn installed_after(
    installed: &Installed,
    listing: &Listing,
    described: &Described,
) -> Installed {
    let manifest = &described.manifest;
    let Manifest { version, schema, oldest_reader, .. } = manifest;
    let target = listing.path.target();
    let writes = Data { schema: *schema, oldest_reader: *oldest_reader };
    let data = after(installed.data_of(&target), writes);
    let (schema, oldest_reader) = (data.schema, data.oldest_reader);
    let (version, digest) = (version.clone(), listing.digest);
    let mut next = installed.clone();
    match target {
        Target::Core => next.core = InstalledCore { version, digest, schema, oldest_reader },
        Target::App(name) => {
            let grants = Grants::all_of(&manifest.claims());
            let needs = Needs::of(manifest);
            let app = InstalledApp { version, digest, grants, schema, oldest_reader, needs };
            next.apps.insert(name, app);
        }
    }
    next
}

fn held_grants(installed: &Installed, target: &Target) -> Grants {
    let app = target.app().and_then(|name| installed.apps.get(name));
    app.map(|app| app.grants.clone()).unwrap_or_default()
}

/// The data once the release runs: a program of an older schema leaves newer data as it is.
fn after(before: Option<Data>, writes: Data) -> Data {
    match before {
        Some(before) if before.schema > writes.schema => before,
        Some(_) | None => writes,
    }
}

/// All of a [`Plan`] that its id is made of.
#[derive(Serialize)]
struct Identity<'a> {
    seq: u64,
    changes: &'a [Change],
}

/// The plan of `changes`.
///
/// # Errors
/// Why `changes` have no canonical form, in words.
pub(crate) fn plan_of(seq: u64, changes: Vec<Change>, now: Timestamp) -> Result<Plan, String> {
    let identity = serde_json::to_value(Identity { seq, changes: &changes })
        .map_err(|error| error.to_string())?;
    let canonical = to_canonical(&identity).map_err(|error| error.to_string())?;
    Ok(Plan { id: PlanId::of(Digest::of(&canonical)), created: now, seq, changes })
}
