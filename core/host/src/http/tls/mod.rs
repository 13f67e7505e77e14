//! HTTPS by the host itself: a certificate and key from files, followed as they change. Who issues
//! them, and where they are put, is the operator's affair.

mod certificates;
mod expiry;
mod keeper;
mod pair;
#[cfg(test)]
pub(crate) mod tests;

pub use self::certificates::Certificates;
pub use self::keeper::Keeper;
pub use self::pair::PairError;
