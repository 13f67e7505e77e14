//! `keys`: signs with the offline keys. Reads and writes files only; knows neither the registry's
//! folder nor a network, so it runs on a machine that has neither.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use newleaf_domain::{Channel, Clock as _, Namespace, Version};
use newleaf_keys::{CoreParts, KeysError, Offer, SignedRole};
use newleaf_trust::key::PublicKey;
use newleaf_trust::layout::{CLAIMED, CORE};
use newleaf_trust::role::Threshold;
use serde::Deserialize;
use serde_json::json;

use super::{Failure, Output};
use crate::clock::SystemClock;
use crate::durable::{self, Readers};

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Pack a core release: a manifest, the program and its changelog into `<platform>.zip`.
    /// Needs no key.
    CorePack {
        /// `manifest.json`; its `binary` record is written by this command.
        #[arg(long, value_name = "FILE")]
        manifest: PathBuf,
        /// The program.
        #[arg(long, value_name = "FILE")]
        binary: PathBuf,
        /// The program's name in the package, the same in every release.
        #[arg(long)]
        name: String,
        /// The changelog.
        #[arg(long, value_name = "FILE")]
        changelog: Option<PathBuf>,
        /// The package to write, called `<platform>.zip`, such as `x86_64-linux-gnu.zip`.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign version N+1 of the core role, which adds releases.
    CoreSign {
        /// The folder of the offline keys.
        #[arg(long, value_name = "K")]
        keys: PathBuf,
        /// The current core role.
        #[arg(long, value_name = "FILE")]
        role: PathBuf,
        /// Where to write the next one; `<N+1>.core.json` beside the current one by default.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// How finished the releases are said to be.
        #[arg(long, default_value_t = Channel::Stable)]
        channel: Channel,
        /// Percent of hosts that are offered them.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=100))]
        rollout: u8,
        /// The oldest version that hosts which run these releases, or newer ones, may go back to.
        #[arg(long, value_name = "VERSION")]
        floor: Option<Version>,
        /// The packages, each named `<platform>.zip`.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Sign version N+1 of the claimed role, which vouches for an author.
    Claim {
        /// The folder of the offline keys.
        #[arg(long, value_name = "K")]
        keys: PathBuf,
        /// The current claimed role.
        #[arg(long, value_name = "FILE", default_value = "claimed.json")]
        role: PathBuf,
        /// Where to write the next one; `<N+1>.claimed.json` beside the current one by default.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// The namespace.
        namespace: Namespace,
        /// The author's public key, or the namespace as the registry's API describes it;
        /// `<namespace>.pub.json` by default.
        #[arg(long, value_name = "FILE")]
        author: Option<PathBuf>,
    },
    /// Sign version N+1 of an offline role that says the same for another term.
    Renew {
        /// The folder of the offline keys.
        #[arg(long, value_name = "K")]
        keys: PathBuf,
        /// The current role file, `<N>.<role>.json` or `<role>.json`.
        #[arg(long, value_name = "FILE")]
        role: PathBuf,
        /// Where to write the next one; `<N+1>.<role>.json` beside the current one by default.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

impl Keys {
    pub(super) fn run(self, output: Output) -> Result<(), Failure> {
        let now = SystemClock.now();
        let (current, out, signed) = match self {
            Self::CorePack { manifest, binary, name, changelog, out } => {
                return pack(&CoreParts { manifest, binary, name, changelog }, &out, output);
            }
            Self::CoreSign { keys, role, out, channel, rollout, floor, files } => {
                let offer = Offer { channel, rollout, floor };
                let release = newleaf_keys::core_sign(&keys, &read(&role)?, &files, &offer, now)?;
                (role, out, release.role)
            }
            Self::Claim { keys, role, out, namespace, author } => {
                let author =
                    author.unwrap_or_else(|| PathBuf::from(format!("{namespace}.pub.json")));
                let Author { keys: own, threshold } = Author::read(&author)?;
                let current = read(&role)?;
                let signed =
                    newleaf_keys::claim(&keys, &current, &namespace, &own, threshold, now)?;
                (role, out, signed)
            }
            Self::Renew { keys, role, out } => {
                let signed = renew(&keys, &role)?;
                (role, out, signed)
            }
        };
        write(&current, out, &signed, output)
    }
}

fn pack(parts: &CoreParts, out: &Path, output: Output) -> Result<(), Failure> {
    let written = newleaf_keys::core_pack(parts, out)?;
    let value = json!({"file": out, "length": written.length, "sha256": written.sha256});
    output.done(&format!("{} in {}", written.length, out.display()), &value);
    Ok(())
}

fn renew(keys: &Path, role: &Path) -> Result<SignedRole, Failure> {
    let now = SystemClock.now();
    let current = read(role)?;
    let stem = role.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let signed: Result<_, KeysError> = match name {
        "root" => newleaf_keys::renew_root(keys, &current, now),
        "targets" | CORE | CLAIMED => newleaf_keys::renew(keys, name, &current, now),
        _ => {
            let failed = format!("renew {}: it is not signed offline", role.display());
            return Err(Failure::said(failed, "name the file of root, targets, core or claimed"));
        }
    };
    Ok(signed?)
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        let advice = "get the current role with `newleaf-registry role get`";
        Failure::new(&format!("read {}", path.display()), &error, advice)
    })
}

/// Writes a signed role; says so where more holders must sign it.
fn write(
    current: &Path,
    out: Option<PathBuf>,
    signed: &SignedRole,
    output: Output,
) -> Result<(), Failure> {
    let beside = || current.with_file_name(format!("{}.{}.json", signed.version, signed.role));
    let out = out.unwrap_or_else(beside);
    durable::write(&out, &signed.file, Readers::All).map_err(|error| {
        Failure::new("write the role", &error, "choose another file with --out")
    })?;
    let SignedRole { role, version, signatures, threshold, .. } = signed;
    let rest = if signed.is_complete() {
        String::new()
    } else {
        format!("; {signatures} of {threshold} have signed")
    };
    let value = json!({
        "role": role, "version": version, "file": out, "signatures": signatures,
        "threshold": threshold, "complete": signed.is_complete(),
    });
    output.done(&format!("{role} version {version} in {}{rest}", out.display()), &value);
    Ok(())
}

/// An author's public keys with her threshold.
struct Author {
    keys: Vec<PublicKey>,
    threshold: Threshold,
}

/// The forms in which an author's keys come.
#[derive(Deserialize)]
#[serde(untagged)]
enum AuthorFile {
    /// `{keys, threshold}`, as the registry's API describes a namespace.
    Several { keys: Vec<PublicKey>, threshold: Threshold },
    /// One TUF key object.
    One(PublicKey),
}

impl Author {
    fn read(path: &Path) -> Result<Self, Failure> {
        let advice = "give the author's public key with --author";
        let wrong = |error: &dyn std::error::Error| {
            Failure::new(&format!("read the author's keys in {}", path.display()), error, advice)
        };
        let bytes = fs::read(path).map_err(|error| wrong(&error))?;
        match serde_json::from_slice(&bytes).map_err(|error| wrong(&error))? {
            AuthorFile::Several { keys, threshold } => Ok(Self { keys, threshold }),
            AuthorFile::One(key) => Ok(Self { keys: vec![key], threshold: Threshold::ONE }),
        }
    }
}
