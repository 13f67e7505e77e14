//! How many requests one instance of an app may answer.

use std::num::NonZeroU32;

/// Requests that one instance of an app may answer, one after another; a number from 1 on in
/// `manifest.json`. 1, which is what an app has that does not name it, is a fresh instance for each
/// request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Reuse(NonZeroU32);

impl Reuse {
    /// A fresh instance for each request.
    pub const NEVER: Self = Self(NonZeroU32::MIN);

    /// The most that counts: an app that asks for more gets this. What an instance leaks from one
    /// request to the next, memory and handles, goes with it after so many.
    pub const MOST: u32 = 128;

    /// So many requests; 0 is taken for 1.
    pub const fn requests(number: u32) -> Self {
        match NonZeroU32::new(number) {
            Some(number) => Self(number),
            None => Self::NEVER,
        }
    }

    /// The number as it was named.
    pub const fn named(self) -> u32 {
        self.0.get()
    }

    /// The number that counts, from 1 to [`MOST`](Self::MOST).
    pub const fn most(self) -> u32 {
        if self.0.get() > Self::MOST { Self::MOST } else { self.0.get() }
    }

    /// Whether each request has an instance of its own.
    pub fn is_never(&self) -> bool {
        *self == Self::NEVER
    }
}

impl Default for Reuse {
    fn default() -> Self {
        Self::NEVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_a_fresh_instance_and_what_is_too_much_is_bounded() {
        assert!(Reuse::default().is_never());
        assert_eq!((Reuse::requests(0).most(), Reuse::requests(7).most()), (1, 7));
        assert_eq!((Reuse::requests(1_000).named(), Reuse::requests(1_000).most()), (1_000, 128));
    }

    #[test]
    fn zero_is_not_a_number_of_requests() {
        assert!(serde_json::from_str::<Reuse>("0").is_err());
        assert_eq!(serde_json::from_str::<Reuse>("3").unwrap(), Reuse::requests(3));
    }
}
