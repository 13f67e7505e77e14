//! The registry's database, one file a table: the truth of who may publish, what was published, and
//! what is signed but not yet written. Reads of hosts never come here.

mod advisory;
mod migrate;
mod namespace;
mod open;
mod outbox;
mod publisher;
mod release;
mod role;
mod submission;
mod superseded;
mod token;

pub(crate) use advisory::{
    advise, advisories, is_advised, publish_advisories, unpublished_advisories,
};
pub(crate) use namespace::{ClaimError, assign, claim, claimed, namespace, namespaces};
pub use open::{Db, DbError};
pub(crate) use outbox::{OutboxEntry, enqueue, next_entry, take_entry};
pub(crate) use publisher::{create_publisher, publisher};
pub(crate) use release::{
    ReleaseRow, packages, record_path, record_release, released, releases, revise_release, versions,
};
pub(crate) use role::{RoleRow, put_role, role, roles, signed_at};
pub(crate) use submission::{
    SubmissionRow, SubmitError, accept, has_accepted, publish_accepted, reject, submission, submit,
    validating,
};
pub(crate) use superseded::{forget_superseded, supersede, superseded_before};
pub(crate) use token::{Bearer, bearer, create_token, revoke_token};
