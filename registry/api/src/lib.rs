//! What publishers and the registry say to each other: paths, bodies, headers and error codes.
//!
//! Speaks to nobody itself: the registry serves these forms and the SDK sends them. A host needs
//! none of this, because it reads only the static files of the TUF repository.
//!
//! # How a release is published
//! 1. [`path::role`] is read: the namespace's current role N, with the entity tag `"N"`
//!    ([`RoleTag`]); 404 means N is 0.
//! 2. Each new file is sent to [`path::target`] with its [`ContentDigest`]. It is kept aside under
//!    its SHA-256 and served to nobody.
//! 3. The role N+1, signed by the author, is sent to [`path::role`] with `If-Match: "N"`. The answer
//!    is 201 with a [`PublishedRole`] once hosts can see it; 409 when somebody else was first (read
//!    again, sign again, send again); 422 with a [`Problem`] that names the field and the remedy;
//!    or 202 with a [`Submission`] whose [`path::submission`] is to be asked until it is decided.

mod app;
mod catalogue;
mod content_digest;
mod file;
mod health;
mod namespace;
pub mod path;
mod problem;
mod role_tag;
mod submission;
mod token;
mod yank;

pub use app::{AppEntry, AppList, ReleaseEntry};
pub use catalogue::{CATALOGUE_PATH, Catalogue, CatalogueApp};
pub use content_digest::{CONTENT_DIGEST, ContentDigest};
pub use file::{FileKind, ReleaseFile, StoredFile};
pub use health::{Health, HealthState};
pub use namespace::{ClaimNamespace, MAX_KEYS, NamespaceEntry, NamespaceLevel};
pub use problem::{AboutBlank, Code, PROBLEM_JSON, Problem};
pub use role_tag::RoleTag;
pub use submission::{PublishedRole, Submission, SubmissionState};
pub use token::{Action, InvalidScope, NamePattern, Scope, Secret};
pub use yank::{Yank, Yanked};
