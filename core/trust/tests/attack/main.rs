//! Attacks and faults by their TUF names, each against a whole repository made by the signing half
//! and read by the client workflow through its public doors.

mod advisories;
mod damage;
mod delegation;
mod forms;
mod freshness;
mod repository;
mod root;
mod signer;
mod snapshot;
mod workflow;
