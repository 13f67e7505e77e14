//! Path patterns of delegations (TUF §4.5 `PATHPATTERN`): `*` is any run of characters and `?` any
//! one, neither crosses a `/`. Takes at most pattern length × path length steps, whatever the
//! pattern, so no pattern is a bomb.

use newleaf_domain::Namespace;
use serde::{Deserialize, Serialize};

/// A pattern over target paths, such as `apps/acme/*/*/*`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathPattern(String);

impl PathPattern {
    /// The pattern written `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `path` is one of the pattern's.
    pub fn matches(&self, path: &str) -> bool {
        let (mut patterns, mut parts) = (self.0.split('/'), path.split('/'));
        loop {
            match (patterns.next(), parts.next()) {
                (None, None) => return true,
                (Some(pattern), Some(part)) if part_matches(pattern, part) => {}
                (Some(_) | None, Some(_) | None) => return false,
            }
        }
    }

    /// Whether some path of `scope` is one of the pattern's.
    pub(crate) fn reaches(&self, scope: &Scope) -> bool {
        self.all_parts(scope, |pattern, part| match part {
            Part::Exactly(text) => part_matches(pattern, text),
            Part::Any => !pattern.is_empty(),
        })
    }

    /// Whether every path of `scope` is one of the pattern's.
    pub(crate) fn covers(&self, scope: &Scope) -> bool {
        self.all_parts(scope, |pattern, part| match part {
            Part::Exactly(text) => part_matches(pattern, text),
            Part::Any => !pattern.is_empty() && pattern.bytes().all(|byte| byte == b'*'),
        })
    }

    fn all_parts(&self, scope: &Scope, fits: impl Fn(&str, &Part) -> bool) -> bool {
        let patterns = self.0.split('/').collect::<Vec<_>>();
        patterns.len() == scope.0.len() && patterns.iter().zip(&scope.0).all(|(p, s)| fits(p, s))
    }
}

impl std::fmt::Display for PathPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether one part of a path fits one part of a pattern. Only the last star is ever tried again:
/// an earlier one that took less could not help.
fn part_matches(pattern: &str, part: &str) -> bool {
    let (pattern, part) = (pattern.as_bytes(), part.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < part.len() {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == part[t] => {
                p += 1;
                t += 1;
            }
            Some(_) | None => match last_star {
                Some((star, taken)) => {
                    last_star = Some((star, taken + 1));
                    p = star + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// A family of target paths that one search is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scope(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Exactly(String),
    Any,
}

impl Scope {
    /// `core/*/*/*`.
    pub(crate) fn core() -> Self {
        Self(vec![Part::Exactly("core".to_owned()), Part::Any, Part::Any, Part::Any])
    }

    /// `meta/catalogue/*`.
    pub(crate) fn catalogue() -> Self {
        let fixed = ["meta", "catalogue"].map(|text| Part::Exactly(text.to_owned()));
        Self(fixed.into_iter().chain([Part::Any]).collect())
    }

    /// `apps/<namespace>/*/*/*`.
    pub(crate) fn namespace(namespace: &Namespace) -> Self {
        let fixed = ["apps", namespace.as_str()].map(|text| Part::Exactly(text.to_owned()));
        Self(fixed.into_iter().chain([Part::Any, Part::Any, Part::Any]).collect())
    }

    /// `apps/*/*/*/*`.
    pub(crate) fn all_apps() -> Self {
        let apps = Part::Exactly("apps".to_owned());
        Self(vec![apps, Part::Any, Part::Any, Part::Any, Part::Any])
    }

    /// Exactly one path.
    pub(crate) fn file(path: &str) -> Self {
        Self(path.split('/').map(|part| Part::Exactly(part.to_owned())).collect())
    }

    /// Whether `path` belongs to the family.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let parts = path.split('/').collect::<Vec<_>>();
        parts.len() == self.0.len()
            && parts.iter().zip(&self.0).all(|(text, part)| match part {
                Part::Exactly(wanted) => text == wanted,
                Part::Any => !text.is_empty(),
            })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        PathPattern::new(pattern).matches(path)
    }

    #[test]
    fn a_star_does_not_cross_a_slash() {
        assert!(matches("apps/acme/*/*/*", "apps/acme/notes/1.0.0/notes.zip"));
        assert!(!matches("apps/acme/*", "apps/acme/notes/1.0.0/notes.zip"));
        assert!(!matches("apps/*", "apps/acme/x"));
        assert!(!matches("apps?acme", "apps/acme"));
    }

    #[test]
    fn a_name_that_begins_alike_or_differs_in_case_is_another() {
        assert!(!matches("apps/acme/*/*/*", "apps/acme-evil/notes/1.0.0/notes.zip"));
        assert!(!matches("apps/acme/*/*/*", "apps/Acme/notes/1.0.0/notes.zip"));
    }

    #[test]
    fn a_pattern_bomb_ends() {
        let bomb = "*a".repeat(120) + "b";
        assert!(!matches(&bomb, &"a".repeat(255)));
    }

    #[test]
    fn reaching_is_some_path_and_covering_is_every_path() {
        let acme = Scope::namespace(&Namespace::parse("acme").unwrap());
        let all = PathPattern::new("apps/a*/*/*/*");
        let one = PathPattern::new("apps/acme/notes/*/*");
        assert!(all.reaches(&acme) && all.covers(&acme));
        assert!(one.reaches(&acme) && !one.covers(&acme));
        assert!(!PathPattern::new("apps/b*/*/*/*").reaches(&acme));
        assert!(!PathPattern::new("apps/acme/*").reaches(&acme));
    }

    /// The definition, exponential and obvious.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some(b'*'), _) => {
                naive(&pattern[1..], text)
                    || text.first().is_some_and(|byte| *byte != b'/') && naive(pattern, &text[1..])
            }
            (Some(b'?'), Some(byte)) => *byte != b'/' && naive(&pattern[1..], &text[1..]),
            (Some(wanted), Some(byte)) => wanted == byte && naive(&pattern[1..], &text[1..]),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn matching_agrees_with_the_definition(pattern in "[ab*?/]{0,9}", path in "[ab/]{0,9}") {
            prop_assert_eq!(
                matches(&pattern, &path),
                naive(pattern.as_bytes(), path.as_bytes())
            );
        }
    }
}
