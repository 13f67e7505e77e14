//! Which smaller forms there should be: a pure function of what was released.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use newleaf_domain::{ByteSize, Digest, ReleasePath};
use newleaf_trust::layout;

use crate::settings::Settings;

/// Releases of one line that hosts may still go to: the newest, and those before it that another
/// channel may have as its newest.
const RESULTS: usize = 3;

/// A package that was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// Its target path.
    pub(super) path: String,
    /// The same, understood.
    pub(super) release: ReleasePath,
    /// Its digest.
    pub(super) sha256: Digest,
    /// Its length.
    pub(super) length: ByteSize,
}

impl Package {
    /// Where it lies below `targets/`.
    pub(super) fn stored(&self) -> String {
        layout::stored_path(&self.path, self.sha256)
    }

    /// What takes each other's place on a host: an app, or core of one edition for one platform.
    fn line(&self) -> String {
        match &self.release {
            ReleasePath::Core { edition, platform, .. } => format!("core/{edition}/{platform}"),
            ReleasePath::App { name, .. } => name.to_string(),
        }
    }
}

/// A smaller form of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// The package compressed.
    Copy(Package),
    /// What it has over another one.
    Delta {
        /// The other one.
        base: Package,
        /// The package.
        result: Package,
    },
}

impl Form {
    /// Its path in the public tree.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Copy(package) => format!("targets/{}.zst", package.stored()),
            Self::Delta { base, result } => {
                format!("deltas/{}-{}.zst", base.sha256, result.sha256)
            }
        }
    }
}

/// Every form there should be, those of the newest releases first.
pub(super) fn forms(packages: &[Package], settings: Settings) -> Vec<Form> {
    let mut lines: BTreeMap<String, Vec<&Package>> = BTreeMap::new();
    for package in packages {
        lines.entry(package.line()).or_default().push(package);
    }
    let mut ranked = Vec::new();
    for line in lines.values_mut() {
        line.sort_by_key(|package| Reverse(package.release.version().clone()));
        for (rank, result) in line.iter().take(RESULTS).enumerate() {
            let before = line.iter().skip(rank + 1).take(settings.deltas);
            let delta =
                |base: &&Package| Form::Delta { base: (*base).clone(), result: (*result).clone() };
            ranked.extend(before.map(|base| (rank, delta(base))));
            ranked.extend(settings.copies.then(|| (rank, Form::Copy((*result).clone()))));
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, form)| form).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(path: &str) -> Package {
        let release = ReleasePath::parse(path).unwrap();
        let sha256 = Digest::of(path.as_bytes());
        Package { path: path.to_owned(), release, sha256, length: ByteSize::kib(1) }
    }

    fn shown(versions: &[&str], settings: Settings) -> Vec<String> {
        let packages =
            versions.iter().map(|it| package(&format!("apps/acme/notes/{it}/notes.zip")));
        let forms = forms(&packages.collect::<Vec<_>>(), settings);
        let version = |package: &Package| package.release.version().to_string();
        let shown = |form: &Form| match form {
            Form::Copy(of) => version(of),
            Form::Delta { base, result } => format!("{}-{}", version(base), version(result)),
        };
        forms.iter().map(shown).collect()
    }

    #[test]
    fn a_first_release_has_a_copy_and_no_delta() {
        assert_eq!(shown(&["1.0.0"], Settings::default()), ["1.0.0"]);
    }

    #[test]
    fn deltas_lead_from_the_three_versions_before() {
        let all = shown(&["1.10.0", "1.0.0", "1.2.0", "1.9.0", "1.1.0"], Settings::default());
        assert_eq!(all[..4], ["1.9.0-1.10.0", "1.2.0-1.10.0", "1.1.0-1.10.0", "1.10.0"]);
        assert_eq!(all[4..8], ["1.2.0-1.9.0", "1.1.0-1.9.0", "1.0.0-1.9.0", "1.9.0"]);
        assert_eq!(all[8..], ["1.1.0-1.2.0", "1.0.0-1.2.0", "1.2.0"]);
    }

    #[test]
    fn what_is_switched_off_is_not_made() {
        let settings = Settings { deltas: 0, copies: false, ..Settings::default() };
        assert!(shown(&["1.0.0", "1.1.0"], settings).is_empty());
        let settings = Settings { deltas: 0, ..Settings::default() };
        assert_eq!(shown(&["1.0.0", "1.1.0"], settings), ["1.1.0", "1.0.0"]);
    }

    #[test]
    fn no_delta_leads_from_one_platform_or_edition_to_another() {
        let packages = [
            package("core/community/1.0.0/x86_64-linux-gnu.zip"),
            package("core/community/1.1.0/aarch64-linux-gnu.zip"),
            package("core/enterprise/1.2.0/x86_64-linux-gnu.zip"),
        ];
        let forms = forms(&packages, Settings::default());
        assert!(forms.iter().all(|form| matches!(form, Form::Copy(_))), "{forms:#?}");
        let stored = layout::stored_path(&packages[0].path, packages[0].sha256);
        assert!(forms.iter().any(|form| form.path() == format!("targets/{stored}.zst")));
    }
}
