//! Paths of the registry's HTTP interface, each as the pattern it is served under and as a function
//! that makes one. A test holds the two together.

use newleaf_domain::{Namespace, PackageName, Version};

use crate::ReleaseFile;

/// `PUT`: one file of a release to be.
pub const TARGET: &str = "/api/v1/targets/{*path}";
/// `GET`: a namespace's current role. `PUT`: its next one.
pub const ROLE: &str = "/api/v1/roles/{file}";
/// `GET`: what became of a role that was sent.
pub const SUBMISSION: &str = "/api/v1/submissions/{id}";
/// `POST`: claims a namespace.
pub const NAMESPACES: &str = "/api/v1/namespaces";
/// `GET`: a namespace with its signers.
pub const NAMESPACE: &str = "/api/v1/namespaces/{namespace}";
/// `POST`: warns of a release and stops new installs of it.
pub const YANK: &str = "/api/v1/releases/{namespace}/{app}/{version}/yank";
/// `GET`: every app with its releases.
pub const APPS: &str = "/api/v1/apps";
/// `GET`: whether the process answers.
pub const HEALTHZ: &str = "/healthz";
/// `GET`: whether it can publish.
pub const READYZ: &str = "/readyz";
/// `GET`: a role file of the TUF repository.
pub const TUF: &str = "/tuf/{file}";
/// `GET`: a target of the TUF repository.
pub const TARGETS: &str = "/targets/{*path}";

/// `GET`: what one package has over another.
pub const DELTAS: &str = "/deltas/{file}";

/// The path of [`TARGET`] for one file.
pub fn target(file: &ReleaseFile) -> String {
    format!("/api/v1/targets/{file}")
}

/// The path of [`ROLE`] for one namespace.
pub fn role(namespace: &Namespace) -> String {
    format!("/api/v1/roles/{}", role_file(namespace))
}

/// The name of a namespace's role file, `pub.<namespace>.json`.
pub fn role_file(namespace: &Namespace) -> String {
    format!("pub.{namespace}.json")
}

/// The namespace of a role file's name; nothing where it is not one.
pub fn namespace_of(file: &str) -> Option<Namespace> {
    Namespace::parse(file.strip_prefix("pub.")?.strip_suffix(".json")?).ok()
}

/// The path of [`SUBMISSION`] for one id.
pub fn submission(id: u64) -> String {
    format!("/api/v1/submissions/{id}")
}

/// The path of [`NAMESPACE`] for one namespace.
pub fn namespace(namespace: &Namespace) -> String {
    format!("/api/v1/namespaces/{namespace}")
}

/// The path of [`YANK`] for one release.
pub fn yank(app: &PackageName, version: &Version) -> String {
    format!("/api/v1/releases/{app}/{version}/yank")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether `path` is served under `pattern`, as axum reads patterns.
    fn fits(pattern: &str, path: &str) -> bool {
        let mut given = path.split('/');
        for wanted in pattern.split('/') {
            if wanted.starts_with("{*") {
                return given.next().is_some();
            }
            match given.next() {
                Some(part) if wanted.starts_with('{') && !part.is_empty() => {}
                Some(part) if part == wanted => {}
                _ => return false,
            }
        }
        given.next().is_none()
    }

    #[test]
    fn every_path_that_is_made_is_served() {
        let acme = Namespace::parse("acme").unwrap();
        let notes = PackageName::parse("acme/notes").unwrap();
        let version = Version::parse("2.0.0").unwrap();
        let file = ReleaseFile::parse("apps/acme/notes/2.0.0/notes.zip").unwrap();
        assert!(fits(TARGET, &target(&file)));
        assert!(fits(ROLE, &role(&acme)));
        assert!(fits(SUBMISSION, &submission(7)));
        assert!(fits(NAMESPACE, &namespace(&acme)));
        assert!(fits(YANK, &yank(&notes, &version)));
    }

    #[test]
    fn a_role_file_names_its_namespace() {
        let acme = Namespace::parse("acme").unwrap();
        assert_eq!(namespace_of(&role_file(&acme)), Some(acme));
        for bad in ["acme.json", "pub.core.json", "pub.acme", "pub.../x.json", "targets.json"] {
            assert_eq!(namespace_of(bad), None, "{bad:?} was accepted");
        }
    }
}
