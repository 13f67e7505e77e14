//! The commented `newleaf.toml` that `init` writes.

use super::RepositoryUrl;

/// The file's text: the repository set, every other setting shown with its default, commented out.
pub fn template(repository: &RepositoryUrl) -> String {
    TEXT.replace("{repository}", repository.as_str())
}

const TEXT: &str = r#"# Settings of this host. A changed line counts from the next `newleaf serve` on.
# What is commented out shows the default. All waits are in seconds; fractions are allowed.

[repository]
# Where signed releases come from. What is believed is decided by trust/, not by this address.
url = "{repository}"
# Whether the host looks for updates by itself, every hour: "on" or "off". `newleaf check` and the
# portal's button look in any case.
# check = "on"
# How old the last look at the repository may be before a plan looks again.
# fresh_for = 300
# Further addresses of the same files; asked in this order where the first one fails.
# mirrors = []
# The proxy to go through, with name and password where it wants them, or "none". Without a line
# the environment says it: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY.
# proxy = "http://name:password@proxy.example.com:3128"
# How long a download may stand still before it is taken up again. All of it may take any time.
# stall = 30
# Bytes a second that downloads may take; without a line as many as come.
# rate = 1000000

[listen]
# The product and its apps. Port 0 takes a free port, which `serve` prints.
# public = ["127.0.0.1:8080"]
# The portal and its API. Keep it on loopback, or behind a proxy that speaks HTTPS.
# admin = ["127.0.0.1:8081"]
# HTTPS by the host itself: certificate (with the chain) and key as PEM files, read again whenever
# they change. Without a line an address speaks plain HTTP.
# public_tls = { certificate = "/etc/newleaf/fullchain.pem", key = "/etc/newleaf/privkey.pem" }
# admin_tls = { certificate = "/etc/newleaf/fullchain.pem", key = "/etc/newleaf/privkey.pem" }

# Where people reach the product, where a proxy stands before it or a certificate names it; links to
# apps go by it. Without a line they go by the first public address.
# public_origin = "https://www.example.com"

[http]
# Connections of the public listeners at a time; who idles longest gives way to who comes.
# Unset: half of the files this process may open, so that the portal and the apps keep theirs.
# public_connections = 4096
# How long a client may take to send a request's head, and may keep a connection without one.
# head_within = 15
# idle_within = 75
# A request's body must come with this many bytes a second, taken over the window; else 408.
# body_rate = 1024
# body_window = 10
# body_within = 600
# How long an answer may stay unread.
# stall_within = 30

[core]
# Starts a new version has before it is given up.
# tries = 2
# ready_within = 30
# probe_within = 10
# How long a new version is watched before it is kept.
# probation = 60
# drain_within = 30
# How long a connection must have been silent before a version that finishes closes it. At an
# update, public ones are closed only so long before the end of drain_within.
# linger = 2
# How long a serving version may give no sign of life; then it is ended and started again.
# hang_within = 30
# The least that the data's extension may take; ten times its rehearsal, where that is longer.
# expand_within = 60
# A new version is tried on a copy of the data first, and the apps are compiled for it: "required"
# stops an update that fails there, "warn" goes on and says so, "off" does neither.
# rehearsal = "required"
# How long the version before can be gone back to: 7 days. Then what only it needs is taken away.
# undo_for = 604800
# Versions of core and of each app that stay on disk.
# versions = 3
# Snapshots of the data that stay, and how long: 30 days. The newest one always stays.
# snapshots = 3
# snapshots_for = 2592000

[apps]
# Browsers take what has one address for one site. "path": all apps share the public address, each at
# /apps/<namespace>/<app>/, and can reach what the others keep in a visitor's browser. "subdomain":
# each has a host name of its own, <app>.<namespace>.<domain>; the guide says what DNS and certificates
# need then.
# origin = "path"
# domain = "apps.example.com"
# How long a new version is watched. Requests that hang, and those turned away since it has too much to
# do, count like probation_errors where the version before would have served them and they are one in
# twenty (before the end, one in two), or none was answered well. A request hangs that has had no answer
# for half of answer_within, or half of this where it is less, but 1 s at the least.
# probation = 60
# How long an app's requests may take to end while new ones are held; then they are cut with 503.
# drain_within = 20
# How long clients may take in that time to send or read what is under way; then it is cut.
# client_within = 5
# Requests of one app that wait during its update, but never more than half of http.public_connections;
# more get 503 with Retry-After.
# hold_cap = 4096
# How long the data of a removed app is set aside: 7 days. Then it goes for good.
# removed_for = 604800
# Requests of apps to the outside go to the hosts they were granted, and never to addresses that are
# no part of the internet (this machine, private networks, link-local), but for those listed here.
# outbound_private = []
# Where a proxy is set, it resolves the names and this host cannot judge the addresses: "refused",
# or "allowed" where the proxy itself keeps apps out of the private network.
# outbound_proxy = "refused"
# A whole request; of it connecting, waiting for the answer's head, and a standstill within it.
# outbound_within = 10
# outbound_connect_within = 5
# outbound_first_byte_within = 10
# outbound_stall_within = 5
# Requests of one app at a time, and the bytes of a body it may send and receive.
# outbound_at_once = 8
# outbound_request_body = 4194304
# outbound_response_body = 16777216
# What one request of an app may use: processor time, and time until its last byte is out.
# processor = 5
# answer_within = 60
# The most that an app may ask to store, in bytes: 1 GiB. What was granted before stays.
# most_storage = 1073741824
# What of the disk stays free of apps' writes, in bytes: 256 MiB or a hundredth, whichever is more, but
# no more than a tenth, where this is not set.
# reserve = 268435456
# A new version is tried on a copy of the app's data first: "required" stops an update that fails
# there, "warn" goes on and says so, "off" does not try.
# rehearsal = "required"
# Requests wait unannounced while an app's data is migrated, where its rehearsal took no longer than
# this. A longer pause wants a yes, and visitors get 503 with Retry-After.
# pause_unannounced = 20
# A new version that fails after people wrote with it: "ask" stops the app until somebody chooses,
# "restore" puts the data from before the update back, without what was written since.
# on_data_loss = "ask"
# Breakdowns (of jobs, too) and answers of class 5xx that a new version may show in its probation.
# probation_traps = 3
# probation_errors = 10

# What one app is told; its guide names the keys. Texts, numbers, true and false.
# [apps."acme/notes".config]
# title = "Our notes"
# The host name of one app in place of <app>.<namespace>.<domain>, where apps have one each.
# [apps."acme/notes"]
# host = "notes.example.com"

[policy]
# Whether apps of authors whom no admin of the repository has claimed may be installed:
# "accepted" or "refused".
# fresh_authors = "accepted"
# A newer program that you put in place of the one at <prefix> is tried at the next start. Whether
# that holds for one of no signed release that is known here, and for an older one: "tried" or
# "refused".
# unknown_core = "tried"
# older_core = "refused"

[policy.channels]
# stable, beta or nightly for each target; `newleaf channel` and the portal change these lines.
# core = "stable"
# "acme/notes" = "beta"

[policy.automatic]
# What is updated without anyone being asked: patch, minor or major steps, or "off". A version that
# asks for more than the app may do, or that names what stops working, waits for a person all the same.
# core = "off"
# "acme/notes" = "minor"

[policy.skipped]
# Versions that are not offered; `newleaf skip` and the portal change these lines.
# "acme/notes" = ["2.0.0"]

[portal]
# The address people type, where a proxy stands before the admin door or a certificate names it.
# origin = "https://updates.example.com"

[log]
# filter = "info"
# "text" or "json".
# form = "text"
"#;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::Config, *};

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("newleaf.toml")).unwrap()
    }

    #[test]
    fn the_template_says_the_defaults() {
        let url = RepositoryUrl::parse("https://updates.example.com").unwrap();
        let as_written = template(&url);
        let uncommented = as_written
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(setting)
                    if setting.contains(" = ")
                        && !setting.contains("acme/")
                        && ![
                            "origin = \"https",
                            "domain",
                            "host",
                            "proxy",
                            "public_",
                            "admin_tls",
                            "rate",
                            "title",
                            "reserve",
                        ]
                        .iter()
                        .any(|it| setting.starts_with(it)) =>
                {
                    setting
                }
                _ => line,
            })
            .collect::<Vec<_>>()
            .join("\n");
        let shown = config(&uncommented);
        let mut silent = config(&as_written);
        silent.policy.channels.clone_from(&shown.policy.channels);
        silent.policy.automatic.clone_from(&shown.policy.automatic);
        assert_eq!(shown, silent);
    }
}
