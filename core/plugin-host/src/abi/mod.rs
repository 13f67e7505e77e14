//! The host's side of the contract in `sdk/wit`: one module a major version, so that apps of an
//! old one go on running beside those of a new one.

pub(crate) mod v1;
