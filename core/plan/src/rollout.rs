//! Staged rollout, computed by the host: no server learns who was offered what.

use newleaf_domain::Digest;

/// Whether a release offered to `percent` of hosts is offered to the host `install_id`.
///
/// Each release deals the hosts anew, because its digest is in the hash; a host that is in at one
/// percentage is in at every higher one.
pub(crate) fn includes(install_id: &[u8; 32], release: &Digest, percent: u8) -> bool {
    let hash = Digest::of(&[install_id.as_slice(), release.as_bytes()].concat());
    let place = hash.as_bytes()[..8].iter().fold(0_u128, |sum, &byte| sum << 8 | u128::from(byte));
    // `place` is uniform below 2^64, so this is its share of it in percent, rounded down.
    (place * 100) >> 64 < u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(percent: u8) -> usize {
        let release = Digest::of(b"release");
        (0..1000_u32).filter(|&host| includes(&id(host), &release, percent)).count()
    }

    fn id(host: u32) -> [u8; 32] {
        *Digest::of(&host.to_be_bytes()).as_bytes()
    }

    #[test]
    fn the_share_of_hosts_is_about_the_percentage() {
        assert_eq!((share(0), share(100)), (0, 1000));
        assert!((200..300).contains(&share(25)), "{} of 1000 at 25 %", share(25));
    }

    #[test]
    fn a_host_that_is_in_stays_in_as_the_rollout_grows() {
        let release = Digest::of(b"release");
        for host in 0..100 {
            let included = (0..=100).map(|percent| includes(&id(host), &release, percent));
            assert!(included.is_sorted(), "host {host}");
        }
    }
}
