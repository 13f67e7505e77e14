//! Whether an installed app runs on this core, by what its manifest says. Loads nothing: what its
//! code needs shows when that is linked.

use newleaf_domain::{AbiVersion, Manifest, Version, VersionReq};

/// Why an app is not run on this core. Its data is not touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// It is made for other cores.
    #[error("it needs core {wanted}, this is {have}")]
    Core {
        /// Those it runs on.
        wanted: VersionReq,
        /// What runs.
        have: Version,
    },
    /// It is made for another contract.
    #[error("it needs app contract {wanted}, this core speaks {have}")]
    Abi {
        /// What it needs.
        wanted: AbiVersion,
        /// What this core speaks.
        have: AbiVersion,
    },
}

/// Looks at what the manifest says.
///
/// # Errors
/// [`Unfit`].
pub(super) fn fits(manifest: &Manifest, core: &Version) -> Result<(), Unfit> {
    if let Some(wanted) = manifest.core.clone().filter(|wanted| !wanted.matches(core)) {
        return Err(Unfit::Core { wanted, have: core.clone() });
    }
    let have = AbiVersion::current();
    match manifest.abi.clone().filter(|wanted| !have.runs(wanted)) {
        Some(wanted) => Err(Unfit::Abi { wanted, have }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(core: &str, abi: &str, have: &str) -> Result<(), String> {
        let text =
            format!(r#"{{"id":"acme/notes","version":"1.0.0","core":"{core}","abi":"{abi}"}}"#);
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        fits(&manifest, &Version::parse(have).unwrap()).map_err(|unfit| unfit.to_string())
    }

    #[test]
    fn an_app_runs_where_its_range_and_its_contract_say() {
        assert_eq!(on(">=1.0.0, <2.0.0", "1.0", "1.5.0"), Ok(()));
        let behind = on("<1.1.0", "1.0", "1.1.0").unwrap_err();
        assert_eq!(behind, "it needs core <1.1.0, this is 1.1.0");
        assert!(on(">=1.0.0", "9.0", "1.1.0").unwrap_err().contains("app contract 9.0"));
    }
}
