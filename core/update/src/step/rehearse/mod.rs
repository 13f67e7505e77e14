//! Runs the same change on a copy of the data while the old version serves. Touches nothing that
//! serves; what it measures bounds the steps that do.

pub(crate) mod app;
mod product;

pub(crate) use product::{Verdict, core, core_back};

use newleaf_domain::ByteSize;

use crate::explain::chain;
use crate::run::Context;

/// `not rehearsed: needs 12 GiB, 4 GiB free`, where that is so.
async fn no_room<E: std::error::Error + 'static>(
    cx: &Context,
    needs: Result<ByteSize, E>,
) -> Option<String> {
    let needs = match needs {
        Ok(needs) => needs,
        Err(error) => return Some(format!("not rehearsed: {}", chain(&error))),
    };
    match cx.updater.ports().ground.space().await {
        Ok(space) => too_little(needs, space.free),
        Err(error) => Some(format!("not rehearsed: {}", chain(&error))),
    }
}

fn too_little(needs: ByteSize, free: ByteSize) -> Option<String> {
    (free < needs).then(|| format!("not rehearsed: needs {needs}, {free} free"))
}
