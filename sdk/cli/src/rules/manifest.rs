//! Rules about what a manifest says. Its form is known to be right, and its texts to be fit for
//! people: it has been parsed.

use std::collections::BTreeSet;

use newleaf_domain::{AbiVersion, ByteSize, Capability, Grant, Language, Manifest, Target};
use newleaf_plugin_host::HostGrant;

use super::Findings;

/// Least storage: an empty database with one table takes 12 KiB.
const MIN_QUOTA: ByteSize = ByteSize::kib(16);

pub(super) fn check(manifest: &Manifest, findings: &mut Findings) {
    check_texts(manifest, findings);
    check_versions(manifest, findings);
    check_schema(manifest, findings);
    for field in manifest.extra.keys() {
        let hint = "compare its spelling, or update newleaf-sdk; a host passes over it";
        findings.warning(field, "is a field that this program does not know", hint);
    }
    let mut subjects = BTreeSet::new();
    for capability in &manifest.capabilities {
        let subject = capability.grant.subject();
        check_capability(capability, &subject, findings);
        if !subjects.insert(subject.clone()) {
            findings.error("capabilities", format!("ask twice for {subject}"), "keep one of them");
        }
    }
}

fn check_texts(manifest: &Manifest, findings: &mut Findings) {
    for (field, text) in [("name", &manifest.name), ("summary", &manifest.summary)] {
        if text.is_empty() {
            findings.warning(field, "is empty", "people choose apps by it: say it in plain words");
        }
    }
    if manifest.licence.is_none() {
        let hint = "add an SPDX expression, such as \"licence\": \"MIT\"";
        findings.warning("licence", "is not named", hint);
    }
}

fn check_versions(manifest: &Manifest, findings: &mut Findings) {
    if manifest.id == Target::Core {
        findings.error("id", "is core", "set it to <namespace>/<app>");
    }
    if manifest.core.is_none() {
        let hint = "name the cores it was tried on, such as \"core\": \">=1.0, <2\"";
        findings.warning("core", "is not named, so every core is said to do", hint);
    }
    let current = AbiVersion::current();
    if let Some(abi) = manifest.abi.as_ref().filter(|abi| !current.runs(abi)) {
        let text = format!("is {abi}, but this program knows no contract but {current}");
        findings.error("abi", text, "name the contract you build against, or update newleaf-sdk");
    }
    if let Language::Other(word) = &manifest.language {
        let hint = "write rust, javascript or python, or leave it out";
        findings.warning("language", format!("is {word:?}, which hosts do not know"), hint);
    }
    if manifest.edition.is_some() || manifest.binary.is_some() {
        findings.error("edition, binary", "belong to core's manifest", "remove them");
    }
    for name in manifest.dependencies.keys() {
        if Target::App(name.clone()) == manifest.id {
            findings.error("dependencies", "name the app itself", "remove it");
        }
    }
}

fn check_schema(manifest: &Manifest, findings: &mut Findings) {
    let Manifest { schema, migrates_from, oldest_reader, .. } = manifest;
    if migrates_from > schema {
        let text = format!("is {migrates_from}, newer than the schema {schema} that is written");
        findings.error("migrates_from", text, "it is the oldest schema that `migrate` accepts");
    }
    if *oldest_reader == 0 && *schema > 0 {
        let text = format!("is 0 or not named, although schema {schema} is written");
        let hint = "name the lowest schema whose program still runs on this data: going back \
                    without losing anything is decided by it";
        findings.warning("oldest_reader", text, hint);
    }
    if oldest_reader > schema {
        let text = format!("is {oldest_reader}, newer than the schema {schema} that is written");
        findings.error(
            "oldest_reader",
            text,
            "it is the lowest schema whose program still runs on this data",
        );
    }
}

fn check_capability(capability: &Capability, subject: &str, findings: &mut Findings) {
    let about = format!("capabilities ({subject})");
    if capability.reason.trim().is_empty() {
        findings.error(&about, "has no reason", "say in a sentence why the app needs it");
    }
    match &capability.grant {
        Grant::Http { host } if !is_host(host) => findings.error(
            &about,
            format!("names {host:?}, which is not a host"),
            "write a host name or host:port, without scheme, path or wildcard",
        ),
        Grant::Storage { quota } if *quota < MIN_QUOTA => {
            let text = format!("asks for {quota}; {MIN_QUOTA} is the least");
            findings.error(&about, text, "ask for the bytes it needs, or remove it");
        }
        Grant::Route { path } if !path.starts_with('/') => {
            findings.error(&about, "is not absolute", "begin it with '/'");
        }
        Grant::Schedule { every_seconds, .. } if *every_seconds < 60 => {
            let text = format!("runs every {every_seconds} s");
            findings.error(&about, text, "60 s is the least");
        }
        Grant::Http { .. }
        | Grant::Storage { .. }
        | Grant::Route { .. }
        | Grant::Schedule { .. } => {}
        Grant::Compile { .. } => {
            let hint = "name the manifest's \"language\" instead, and leave it out here";
            findings.error(&about, "is not asked for in this way", hint);
        }
    }
}

/// A host name (RFC 1123 §2.1) or an address in its usual form, with or without a port, that a host
/// of this version understands as the author means it.
fn is_host(text: &str) -> bool {
    HostGrant::parse(text).is_ok() && (text.starts_with('[') || is_name_or_ipv4(text))
}

fn is_name_or_ipv4(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "443"));
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 253
        && name.split('.').all(is_label)
        && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn errors(manifest: &str) -> Vec<String> {
        of(Level::Error, manifest)
    }

    fn of(level: Level, manifest: &str) -> Vec<String> {
        let manifest = Manifest::parse(manifest.as_bytes()).unwrap();
        let mut findings = Findings(Vec::new());
        check(&manifest, &mut findings);
        let found = findings.0.into_iter().filter(|finding| finding.level == level);
        found.map(|finding| format!("{} {}", finding.about, finding.text)).collect()
    }

    #[test]
    fn a_field_that_is_spelled_wrong_does_not_pass_for_one_that_is_not_there() {
        let misspelt = r#"{"id":"acme/notes","version":"1.0.0","name":"Notes","summary":"Notes.",
            "core":">=1","licence":"MIT","schema":2,"oldest-reader":2}"#;
        assert_eq!(
            of(Level::Warning, misspelt),
            [
                "oldest_reader is 0 or not named, although schema 2 is written",
                "oldest-reader is a field that this program does not know",
            ]
        );
    }

    #[test]
    fn a_contract_that_no_host_knows_is_an_error() {
        let later = r#"{"id":"acme/notes","version":"1.0.0","abi":"9.0"}"#;
        assert_eq!(errors(later), ["abi is 9.0, but this program knows no contract but 1.1"]);
    }

    #[test]
    fn a_manifest_that_says_what_it_should_has_no_errors() {
        let fine = r#"{"id":"acme/notes","version":"1.0.0","schema":2,"migrates_from":1,
            "oldest_reader":2,"capabilities":[
            {"kind":"http","host":"api.example.com:8443","reason":"to fetch"},
            {"kind":"storage","quota":16384,"reason":"to keep"}]}"#;
        assert_eq!(errors(fine), Vec::<String>::new());
    }

    #[test]
    fn a_host_is_a_name_or_an_address_as_people_write_it() {
        for host in ["example.com", "example.com:8443", "10.0.0.5", "[2001:db8::1]:8080"] {
            assert!(is_host(host), "{host} was refused");
        }
        for host in
            ["Example.com", "2130706433", "127.1", "0x7f.1", "[0:0::1]", "[::ffff:10.0.0.1]"]
        {
            assert!(!is_host(host), "{host} was accepted");
        }
    }

    #[test]
    fn claims_that_cannot_be_granted_are_errors() {
        let odd = r#"{"id":"acme/notes","version":"1.0.0","schema":1,"migrates_from":2,
            "capabilities":[
            {"kind":"http","host":"https://example.com","reason":"x"},
            {"kind":"http","host":"*.example.com","reason":" "},
            {"kind":"schedule","every_seconds":5,"reason":"x"},
            {"kind":"storage","quota":0,"reason":"x"},
            {"kind":"storage","quota":9,"reason":"x"}]}"#;
        assert_eq!(
            errors(odd),
            [
                "migrates_from is 2, newer than the schema 1 that is written",
                "capabilities (http https://example.com) names \"https://example.com\", which is not a host",
                "capabilities (http *.example.com) has no reason",
                "capabilities (http *.example.com) names \"*.example.com\", which is not a host",
                "capabilities (schedule main) runs every 5 s",
                "capabilities (storage) asks for 0 B; 16 KiB is the least",
                "capabilities (storage) asks for 9 B; 16 KiB is the least",
                "capabilities ask twice for storage",
            ]
        );
    }
}
