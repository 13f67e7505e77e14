//! The repository answers.

use std::time::Instant;

use newleaf_domain::shell;

use crate::Updater;
use crate::port::Place;
use crate::preflight::{block, pass};
use crate::view::{Prerequisite, PrerequisiteId};

/// Fetches the one file every refresh begins with.
pub(super) async fn measure(updater: &Updater) -> Prerequisite {
    let id = PrerequisiteId::Repository;
    let repository = &updater.ports().repository;
    let address = repository.address();
    let begun = Instant::now();
    let max = newleaf_trust::Limits::default().timestamp;
    match repository.read(Place::Metadata, "timestamp.json", max).await {
        Ok(Some(_)) => pass(id, format!("{address} answers in {} ms", begun.elapsed().as_millis())),
        Ok(None) => block(
            id,
            format!("{address} has no tuf/timestamp.json"),
            "Check its address in newleaf.toml.",
        ),
        Err(error) => {
            let row = block(
                id,
                error.to_string(),
                "Check the network, and the repository's address in newleaf.toml.",
            );
            let web = address.starts_with("http");
            Prerequisite {
                command: web.then(|| {
                    format!("curl -sSI {}", shell::word(format!("{address}/tuf/timestamp.json")))
                }),
                ..row
            }
        }
    }
}
