//! The host in one sentence, then in rows: what runs, what could, and what a person must read
//! first. Looks at nothing but what is known already.

mod look;
mod notice;
mod row;

pub use look::OverviewError;
pub(crate) use row::offer;
