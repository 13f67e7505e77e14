//! How apps reach the outside, as `[apps]` says it in the keys that begin with `outbound_`.

use std::net::IpAddr;
use std::num::NonZeroU16;

use newleaf_domain::ByteSize;
use newleaf_plugin_host::{OutboundLimits, OutboundSettings, ProxyUse, ProxyWay};
use serde::de::{Error as _, MapAccess, Unexpected};
use serde::{Deserialize, Deserializer};

use super::seconds::at_least;
use super::{ProxySetting, Seconds};

/// What apps may do outside, beyond what each was granted: bounds that hold for every one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// Addresses that are no part of the internet and that apps may reach all the same, by a name
    /// that is granted to them.
    pub private: Vec<IpAddr>,
    /// Whether requests go through the proxy where there is one: the proxy resolves the names, so
    /// this host cannot judge the addresses.
    pub proxy: ProxyUse,
    /// A whole request, from the app's call to the last byte of the answer.
    pub within: Seconds,
    /// Looking the name up, connecting, and the TLS handshake.
    pub connect_within: Seconds,
    /// Until the head of the answer is there, connecting included.
    pub first_byte_within: Seconds,
    /// Between two pieces of the answer.
    pub stall_within: Seconds,
    /// Requests of one app under way at one time.
    pub at_once: NonZeroU16,
    /// The largest body an app may send.
    pub request_body: ByteSize,
    /// The largest body an app may receive.
    pub response_body: ByteSize,
}

/// A key of [`Outbound`].
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Private,
    Proxy,
    Within,
    ConnectWithin,
    FirstByteWithin,
    StallWithin,
    AtOnce,
    RequestBody,
    ResponseBody,
}

impl Outbound {
    /// The key that `text` names.
    pub(super) fn key(text: &str) -> Option<Key> {
        Some(match text {
            "outbound_private" => Key::Private,
            "outbound_proxy" => Key::Proxy,
            "outbound_within" => Key::Within,
            "outbound_connect_within" => Key::ConnectWithin,
            "outbound_first_byte_within" => Key::FirstByteWithin,
            "outbound_stall_within" => Key::StallWithin,
            "outbound_at_once" => Key::AtOnce,
            "outbound_request_body" => Key::RequestBody,
            "outbound_response_body" => Key::ResponseBody,
            _ => return None,
        })
    }

    /// Reads the value of `key`.
    pub(super) fn read<'de, M: MapAccess<'de>>(
        &mut self,
        key: Key,
        table: &mut M,
    ) -> Result<(), M::Error> {
        match key {
            Key::Private => {
                let addresses: Vec<Machine> = table.next_value()?;
                self.private = addresses.into_iter().map(|Machine(address)| address).collect();
            }
            Key::Proxy => {
                self.proxy = match table.next_value()? {
                    Proxy::Refused => ProxyUse::Refused,
                    Proxy::Allowed => ProxyUse::Allowed,
                };
            }
            Key::Within => self.within = table.next_value::<Wait>()?.0,
            Key::ConnectWithin => self.connect_within = table.next_value::<Wait>()?.0,
            Key::FirstByteWithin => self.first_byte_within = table.next_value::<Wait>()?.0,
            Key::StallWithin => self.stall_within = table.next_value::<Wait>()?.0,
            Key::AtOnce => self.at_once = table.next_value()?,
            Key::RequestBody => self.request_body = table.next_value()?,
            Key::ResponseBody => self.response_body = table.next_value()?,
        }
        Ok(())
    }

    /// The bounds of each app.
    pub(crate) fn limits(&self) -> OutboundLimits {
        OutboundLimits {
            within: self.within.duration(),
            connect_within: self.connect_within.duration(),
            first_byte_within: self.first_byte_within.duration(),
            stall_within: self.stall_within.duration(),
            at_once: self.at_once.get().into(),
            request_body: self.request_body,
            response_body: self.response_body,
            ..OutboundLimits::default()
        }
    }

    /// The way out for all apps, through the proxy that everything else goes through.
    pub(crate) fn settings(&self, proxy: &ProxySetting) -> OutboundSettings {
        OutboundSettings {
            private: self.private.clone(),
            proxy: match proxy {
                ProxySetting::Environment => ProxyWay::Environment,
                ProxySetting::None => ProxyWay::None,
                ProxySetting::Explicit(proxy) => ProxyWay::Explicit(proxy.reveal().to_owned()),
            },
            by_proxy: self.proxy,
            ..OutboundSettings::default()
        }
    }
}

impl Default for Outbound {
    fn default() -> Self {
        Self {
            private: Vec::new(),
            proxy: ProxyUse::Refused,
            within: Seconds::new(10),
            connect_within: Seconds::new(5),
            first_byte_within: Seconds::new(10),
            stall_within: Seconds::new(5),
            at_once: NonZeroU16::MIN.saturating_add(7),
            request_body: ByteSize::mib(4),
            response_body: ByteSize::mib(16),
        }
    }
}

/// A wait in which something can happen.
#[derive(Deserialize)]
#[serde(transparent)]
struct Wait(#[serde(deserialize_with = "at_least::<_, 100>")] Seconds);

/// An address of one machine.
struct Machine(IpAddr);

impl<'de> Deserialize<'de> for Machine {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let of_one = |address: &IpAddr| !address.is_unspecified() && !address.is_multicast();
        let address = text.parse().ok().filter(of_one);
        let odd = || D::Error::invalid_value(Unexpected::Str(&text), &"the address of a machine");
        address.map(Self).ok_or_else(odd)
    }
}

/// How `outbound_proxy` is written.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Proxy {
    Refused,
    Allowed,
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Config;
    use super::*;

    const REPOSITORY: &str = "[repository]\nurl = \"https://updates.example.com\"\n[apps]\n";

    fn outbound(text: &str) -> Result<Outbound, String> {
        let config = Config::parse(&format!("{REPOSITORY}{text}"), Path::new("newleaf.toml"));
        config.map(|config| config.apps.outbound).map_err(|error| error.to_string())
    }

    #[test]
    fn each_bound_is_what_the_file_says() {
        let text = "outbound_private = [\"10.0.0.5\", \"fd00::5\"]\noutbound_proxy = \"allowed\"\n\
                    outbound_within = 30\noutbound_connect_within = 2.5\noutbound_at_once = 3\n\
                    outbound_first_byte_within = 7\noutbound_stall_within = 8\n\
                    outbound_request_body = 1024\noutbound_response_body = 2048\n";
        let read = outbound(text).unwrap();
        assert_eq!(read.private, ["10.0.0.5", "fd00::5"].map(|it| it.parse::<IpAddr>().unwrap()));
        assert_eq!(read.proxy, ProxyUse::Allowed);
        let limits = read.limits();
        let seconds =
            [limits.within, limits.connect_within, limits.first_byte_within, limits.stall_within];
        assert_eq!(seconds.map(|it| it.as_millis()), [30_000, 2_500, 7_000, 8_000]);
        assert_eq!(limits.at_once, 3);
        let bodies = [limits.request_body, limits.response_body];
        assert_eq!(bodies, [ByteSize::kib(1), ByteSize::kib(2)]);
    }

    #[test]
    fn the_defaults_are_those_of_the_plugin_host() {
        assert_eq!(Outbound::default().limits(), OutboundLimits::default());
    }

    #[test]
    fn what_is_wrong_is_named_with_line_and_key() {
        for (text, words) in [
            ("outbound_private = [\"10.0.0.300\"]\n", "the address of a machine"),
            ("outbound_private = [\"10.0.0.0/8\"]\n", "the address of a machine"),
            ("outbound_private = [\"0.0.0.0\"]\n", "the address of a machine"),
            ("outbound_proxy = \"maybe\"\n", "`refused` or `allowed`"),
            ("outbound_at_once = 0\n", "nonzero"),
            ("outbound_within = \"soon\"\n", "seconds"),
            ("outbound_stall_within = 0\n", "0.1 seconds or more"),
        ] {
            let error = outbound(text).unwrap_err();
            let key = text.split(' ').next().unwrap();
            assert!(error.starts_with(&format!("newleaf.toml line 4: {key}: ")), "{error}");
            assert!(error.contains(words), "{error}");
        }
        let error = outbound("outbound_privat = []\n").unwrap_err();
        assert!(error.contains("unknown field") && error.contains("outbound_private"), "{error}");
    }
}
