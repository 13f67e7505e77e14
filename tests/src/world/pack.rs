//! The cores of the world, packed as a vendor packs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use newleaf_domain::Platform;
use serde_json::{Value, json};

use crate::build;
use crate::process::Ran;

/// A core the world can publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoreRelease {
    /// 0.8.0, a product without a database.
    Oldest,
    /// 0.9.0, which brings the database.
    Old,
    /// 1.0.0, the stock product.
    Stock,
    /// 1.1.0, a small product that embeds the library and adds a column and a page.
    Newer,
    /// 1.2.0, whose worker exits at start.
    Exits,
    /// 1.2.1, whose worker hangs before it is ready.
    Hangs,
    /// 1.2.2, whose worker answers its probe with 503.
    Unhealthy,
    /// 1.2.3, whose worker is healthy until it serves.
    Sours,
    /// 1.3.0, whose launcher takes over.
    Successor,
}

impl CoreRelease {
    /// Its version.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Oldest => "0.8.0",
            Self::Old => "0.9.0",
            Self::Stock => "1.0.0",
            Self::Newer => "1.1.0",
            Self::Exits => "1.2.0",
            Self::Hangs => "1.2.1",
            Self::Unhealthy => "1.2.2",
            Self::Sours => "1.2.3",
            Self::Successor => "1.3.0",
        }
    }

    /// The program it is built as.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Oldest => "newleaf-core-0-8",
            Self::Old => "newleaf-core-0-9",
            Self::Stock => "newleaf",
            Self::Newer => "newleaf-core-newer",
            Self::Exits => "newleaf-core-exits",
            Self::Hangs => "newleaf-core-hangs",
            Self::Unhealthy => "newleaf-core-unhealthy",
            Self::Sours => "newleaf-core-sours",
            Self::Successor => "newleaf-core-successor",
        }
    }

    /// The data schema it writes.
    pub const fn schema(self) -> u32 {
        match self {
            Self::Oldest => 0,
            Self::Old | Self::Stock => 1,
            Self::Newer
            | Self::Exits
            | Self::Hangs
            | Self::Unhealthy
            | Self::Sours
            | Self::Successor => 2,
        }
    }

    const fn changelog(self) -> &'static str {
        match self {
            Self::Oldest => "# 0.8.0\n\nHow it all began.\n",
            Self::Old => "# 0.9.0\n\nA notice board, and a database for it.\n",
            Self::Stock => "# 1.0.0\n\nThe first release.\n",
            Self::Newer => {
                "# 1.1.0\n\nNotices on the board can be pinned; `/board/pinned` shows those.\n"
            }
            Self::Exits => "# 1.2.0\n\nLeaves at start.\n",
            Self::Hangs => "# 1.2.1\n\nNever becomes ready.\n",
            Self::Unhealthy => "# 1.2.2\n\nSays that it is not well.\n",
            Self::Sours => "# 1.2.3\n\nIs well until it serves.\n",
            Self::Successor => "# 1.3.0\n\nSpeaks a later launcher protocol.\n",
        }
    }

    /// Packs the release into `folder`, with the offline tool that a release team uses.
    pub fn pack(self, folder: &Path) -> PathBuf {
        self.pack_with(folder, &json!({}))
    }

    /// The same, with more members in its manifest.
    pub fn pack_with(self, folder: &Path, more: &Value) -> PathBuf {
        let folder = folder.join(self.version());
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = folder.join("manifest.json");
        let changelog = folder.join("CHANGELOG.md");
        let out = folder.join(format!("{}.zip", Platform::current()));
        let mut said = json!({
            "id": "core",
            "version": self.version(),
            "name": "Newleaf",
            "summary": "A self-hosted product that keeps itself up to date.",
            "edition": "community",
            "licence": "Apache-2.0 OR MIT",
            "schema": self.schema(),
            "migrates_from": 0,
            "oldest_reader": self.schema().min(1),
        });
        if let (Some(said), Some(more)) = (said.as_object_mut(), more.as_object()) {
            said.extend(more.clone());
        }
        if self.schema() > 1 {
            said["migrations"] = json!(["adds the column pinned to the notice board"]);
        }
        std::fs::write(&manifest, serde_json::to_vec_pretty(&said).unwrap()).unwrap();
        std::fs::write(&changelog, self.changelog()).unwrap();
        let mut command = Command::new(build::program("newleaf-registry"));
        command.args(["keys", "core-pack", "--manifest"]).arg(&manifest);
        command
            .arg("--changelog")
            .arg(&changelog)
            .arg("--binary")
            .arg(build::program(self.program()));
        command.args(["--name", "newleaf", "--out"]).arg(&out);
        Ran::ok(&mut command);
        out
    }
}
