//! Finds the signed release of a core program that lies bare on disk, in what is known of the
//! repository already. Asks nobody outside this machine.

use newleaf_domain::{Digest, Edition, ReleasePath, Target, Version};

use crate::Updater;
use crate::explain::chain;
use crate::refresh::Known;

/// The signed release that a program is the binary of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCore {
    /// SHA-256 of the signed zip, by which the release is known.
    pub digest: Digest,
    /// Where the repository has it.
    pub path: String,
    /// The lowest schema whose program still runs on data it wrote.
    pub oldest_reader: u32,
    /// Why it was withdrawn, where it was.
    pub withdrawn: Option<String>,
}

/// What is known of a core program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matched {
    /// Its release; none where no release that is known here has these bytes.
    pub release: Option<SignedCore>,
    /// A release between what serves and the program that may not be passed over.
    pub stone: Option<Version>,
    /// The oldest version that what serves may go back to, as its signed release says.
    pub floor: Option<Version>,
    /// Why nothing is known of the repository, where that is so.
    pub unknown: Option<String>,
}

impl Updater {
    /// What the verified view that is kept on disk knows of the program whose SHA-256 is `binary`
    /// and which says that it is `version`.
    pub async fn core_of(&self, binary: Digest, version: &Version) -> Matched {
        let recalled = self.recall().await;
        match (recalled, self.known()) {
            (Ok(()), Some(known)) => {
                let from = &self.state().core.good.version;
                matched(&known, &self.face().edition, binary, from, version)
            }
            (Err(error), _) => {
                let why = if self.was_ever_read().await { chain(&error) } else { NEVER.to_owned() };
                Matched { unknown: Some(why), ..Matched::default() }
            }
            (Ok(()), None) => Matched::default(),
        }
    }

    /// Whether anything was taken from the repository; a folder that cannot be read is no sign that
    /// nothing was.
    pub(crate) async fn was_ever_read(&self) -> bool {
        let files = self.ports().store.trust_files().await;
        files.map_or(true, |files| files.contains_key("timestamp.json"))
    }
}

/// Said where no metadata is kept on disk: that is no fault of the repository.
const NEVER: &str = "the repository has not been read yet";

fn matched(
    known: &Known,
    edition: &Edition,
    binary: Digest,
    from: &Version,
    to: &Version,
) -> Matched {
    let mut found = Matched::default();
    for (path, file) in known.targets.releases(&Target::Core) {
        let ReleasePath::Core { edition: theirs, version, .. } = &path else { continue };
        let Ok(manifest) = file.manifest() else { continue };
        if theirs != edition {
            continue;
        }
        if manifest.stepping_stone && from < version && version < to {
            found.stone = found.stone.into_iter().chain([version.clone()]).min();
        }
        if version <= from {
            let floor = file.release().ok().and_then(|release| release.floor);
            found.floor = found.floor.into_iter().chain(floor).max();
        }
        if version == to && manifest.binary.as_ref().is_some_and(|it| it.sha256 == binary) {
            let advisory = known.targets.advisories_about(file).next();
            found.release = Some(SignedCore {
                digest: file.sha256,
                path: file.path.clone(),
                oldest_reader: manifest.oldest_reader,
                withdrawn: advisory.map(|advisory| advisory.reason.clone()),
            });
        }
    }
    found
}
