//! Judges addresses: which lie out in the internet, and which lie somewhere an app has no
//! business. Knows nothing of names; works on what a resolver said.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of place an address stands for, where it is not the open internet. After the IANA
/// registries of special-purpose addresses (RFC 6890): whatever is not globally reachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Place {
    #[error("this machine (loopback)")]
    Loopback,
    #[error("no address (unspecified)")]
    Unspecified,
    #[error("the link itself (link-local), where clouds keep their keys")]
    LinkLocal,
    #[error("a private network")]
    Private,
    #[error("many receivers (multicast or broadcast)")]
    Multicast,
    #[error("a range with a special purpose")]
    Special,
}

impl Place {
    /// Whether a person may say yes to an address of this kind: some are no single machine.
    pub(crate) fn can_be_named(self) -> bool {
        !matches!(self, Self::Unspecified | Self::Multicast)
    }
}

/// Where `address` lies; `None` for the open internet.
///
/// IPv6 addresses that only wrap an IPv4 address are judged by what they wrap.
pub(crate) fn place(address: IpAddr) -> Option<Place> {
    match address {
        IpAddr::V4(address) => place_v4(address),
        IpAddr::V6(address) => place_v6(address),
    }
}

fn place_v4(address: Ipv4Addr) -> Option<Place> {
    match address.octets() {
        [0, 0, 0, 0] => Some(Place::Unspecified),
        [127, ..] => Some(Place::Loopback),
        [169, 254, ..] => Some(Place::LinkLocal),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Place::Private),
        // Carrier-grade NAT (RFC 6598): a provider's inside, and what overlay networks use.
        [100, 64..=127, ..] => Some(Place::Private),
        [224..=239, ..] | [255, 255, 255, 255] => Some(Place::Multicast),
        [0, ..] | [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => {
            Some(Place::Special)
        }
        [198, 51, 100, _] | [203, 0, 113, _] | [240..=255, ..] => Some(Place::Special),
        _ => None,
    }
}

fn place_v6(address: Ipv6Addr) -> Option<Place> {
    if let Some(wrapped) = wrapped(address) {
        return place_v4(wrapped);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Place::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Place::Loopback),
        [0xfe80..=0xfebf, ..] => Some(Place::LinkLocal),
        // Unique local (RFC 4193), and the site-local addresses before them.
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some(Place::Private),
        [0xff00..=0xffff, ..] => Some(Place::Multicast),
        // Protocol assignments with Teredo and ORCHID, documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => {
            Some(Place::Special)
        }
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Place::Special),
    }
}

/// The IPv4 address behind an IPv6 one: IPv4-mapped (RFC 4291 §2.5.5.2), or made by a resolver
/// for a network without IPv4 (`64:ff9b::/96`, RFC 6052 §2.1).
fn wrapped(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let behind_nat64 = || match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    };
    address.to_ipv4_mapped().or_else(behind_nat64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Place> {
        place(text.parse().unwrap())
    }

    #[test]
    fn the_open_internet_is_open() {
        for text in ["9.9.9.9", "172.15.0.1", "172.32.0.1", "100.128.0.1", "192.1.1.1"] {
            assert_eq!(of(text), None, "{text}");
        }
        for text in ["2606:4700::1111", "2a00::1", "::ffff:9.9.9.9", "64:ff9b::909:909"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn every_range_that_is_not_the_internet_has_its_name() {
        for (text, wanted) in [
            ("0.0.0.0", Place::Unspecified),
            ("0.1.2.3", Place::Special),
            ("10.255.255.255", Place::Private),
            ("100.64.0.1", Place::Private),
            ("127.0.0.1", Place::Loopback),
            ("127.255.255.254", Place::Loopback),
            ("169.254.169.254", Place::LinkLocal),
            ("172.16.0.1", Place::Private),
            ("172.31.255.255", Place::Private),
            ("192.0.0.1", Place::Special),
            ("192.168.1.1", Place::Private),
            ("198.19.0.1", Place::Special),
            ("224.0.0.1", Place::Multicast),
            ("255.255.255.255", Place::Multicast),
            ("250.0.0.1", Place::Special),
            ("::", Place::Unspecified),
            ("::1", Place::Loopback),
            ("::7f00:1", Place::Special),
            ("::ffff:127.0.0.1", Place::Loopback),
            ("::ffff:10.0.0.1", Place::Private),
            ("64:ff9b::7f00:1", Place::Loopback),
            ("64:ff9b:1::a00:1", Place::Special),
            ("fe80::1", Place::LinkLocal),
            ("fd00::1", Place::Private),
            ("fec0::1", Place::Private),
            ("ff02::1", Place::Multicast),
            ("2001::1", Place::Special),
            ("2002:7f00:1::", Place::Special),
            ("2001:db8::1", Place::Special),
            ("5f00::1", Place::Special),
        ] {
            assert_eq!(of(text), Some(wanted), "{text}");
        }
    }
}
