//! What a difference in an app's permissions means to the person who is asked. Compares nothing:
//! [`Grants::changes_to`](crate::Grants::changes_to) does that.

use serde::{Deserialize, Serialize};

use crate::{Grant, GrantChange, Grants};

/// How a permission differs from what the app may do today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difference {
    /// Not allowed today.
    New,
    /// Allowed today, and more of it is asked for.
    Wider,
    /// Allowed today, and less of it is asked for.
    Narrower,
    /// Allowed today, and not asked for any more.
    Gone,
}

impl Difference {
    /// Whether the app could do more than today, so that it needs a yes.
    pub const fn needs_consent(self) -> bool {
        match self {
            Self::New | Self::Wider => true,
            Self::Narrower | Self::Gone => false,
        }
    }

    /// The word for people: `new`, `more than today`, `less than today`, `given up`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Wider => "more than today",
            Self::Narrower => "less than today",
            Self::Gone => "given up",
        }
    }
}

impl GrantChange {
    /// What kind of difference it is.
    pub const fn difference(&self) -> Difference {
        match (&self.from, &self.to) {
            (None, _) => Difference::New,
            (Some(_), None) => Difference::Gone,
            (Some(_), Some(_)) if self.widens => Difference::Wider,
            (Some(_), Some(_)) => Difference::Narrower,
        }
    }
}

impl Grants {
    /// Those of `self` that `changes` leave as they are today.
    pub fn unchanged_by<'a>(
        &'a self,
        changes: &'a [GrantChange],
    ) -> impl Iterator<Item = &'a Grant> {
        self.iter().filter(|grant| !changes.iter().any(|change| change.to.as_ref() == Some(*grant)))
    }

    /// What changes where `self` takes the place of `held`, without anyone's reasons: the way back.
    pub fn changes_from(&self, held: &Self) -> Vec<GrantChange> {
        let asked = self
            .iter()
            .map(|grant| crate::Capability { grant: grant.clone(), reason: String::new() });
        let mut changes = held.changes_to(&asked.collect::<Vec<_>>());
        for change in &mut changes {
            change.reason = None;
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByteSize, Capability};

    fn asked(grants: &[Grant]) -> Vec<Capability> {
        let reason = "to be useful".to_owned();
        grants
            .iter()
            .map(|grant| Capability { grant: grant.clone(), reason: reason.clone() })
            .collect()
    }

    fn storage(mib: u64) -> Grant {
        Grant::Storage { quota: ByteSize::mib(mib) }
    }

    fn http(host: &str) -> Grant {
        Grant::Http { host: host.to_owned() }
    }

    fn differences(held: &[Grant], wanted: &[Grant]) -> Vec<Difference> {
        let held = Grants::from(held.to_vec());
        held.changes_to(&asked(wanted)).iter().map(GrantChange::difference).collect()
    }

    #[test]
    fn each_difference_has_its_kind_and_only_more_needs_a_yes() {
        let (a, b) = (http("a.example.com"), http("b.example.com"));
        assert_eq!(differences(&[], &[storage(4)]), [Difference::New]);
        assert_eq!(differences(&[storage(4)], &[storage(16)]), [Difference::Wider]);
        assert_eq!(differences(&[storage(16)], &[storage(4)]), [Difference::Narrower]);
        // Another host in place of one is a new permission, not a wider one.
        assert_eq!(differences(&[a], &[b]), [Difference::New, Difference::Gone]);
        let needs = [Difference::New, Difference::Wider, Difference::Narrower, Difference::Gone]
            .map(Difference::needs_consent);
        assert_eq!(needs, [true, true, false, false]);
    }

    #[test]
    fn what_stays_as_it_is_can_be_told_beside_what_changes() {
        let held = Grants::from(vec![storage(4), http("a.example.com")]);
        let wanted = asked(&[storage(16), http("a.example.com")]);
        let changes = held.changes_to(&wanted);
        let after = Grants::all_of(&wanted);
        assert_eq!(after.unchanged_by(&changes).collect::<Vec<_>>(), [&http("a.example.com")]);
    }

    #[test]
    fn the_way_back_takes_permissions_back() {
        let before = Grants::from(vec![storage(4)]);
        let now = Grants::from(vec![storage(16), http("a.example.com")]);
        let back = before.changes_from(&now);
        let kinds = back.iter().map(GrantChange::difference).collect::<Vec<_>>();
        assert_eq!(kinds, [Difference::Narrower, Difference::Gone]);
        assert!(back.iter().all(|change| change.reason.is_none()));
    }
}
