//! `init`: makes a registry.

use std::path::PathBuf;

use clap::Args;
use newleaf_domain::Clock as _;
use newleaf_keys::{Quorum, Quorums};
use serde_json::json;

use super::{DirArg, Failure, Output};
use crate::clock::SystemClock;
use crate::dir::Dir;
use crate::init::init;

#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    dir: DirArg,
    /// The folder for the offline keys; outside D, best on another medium.
    #[arg(long, value_name = "K")]
    keys: PathBuf,
    /// How many root keys to make.
    #[arg(long, default_value_t = 3)]
    root_keys: usize,
    /// How many of them must sign.
    #[arg(long, default_value_t = 2)]
    root_threshold: u32,
}

impl Init {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let root = Quorum { keys: self.root_keys, threshold: self.root_threshold };
        let quorums = Quorums { root, ..Quorums::default() };
        let dir = Dir::new(self.dir.dir);
        let root = init(&dir, &self.keys, &quorums, SystemClock.now()).await?;
        output.done(&root.display().to_string(), &json!({"root": root, "keys": self.keys}));
        Ok(())
    }
}
