//! `manifest.json`, the first member of every package.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::capability::UnfitGrant;
use crate::display::{self, MAX_NAME, MAX_REASON, MAX_SENTENCE, MAX_SUMMARY, UnfitText};
use crate::{
    AbiVersion, ByteSize, Capability, Digest, Edition, Grant, Language, PackageName, Reuse, Target,
    Version, VersionReq,
};

/// What a release says of itself. Fields this version does not know are kept, so that a manifest
/// compares equal to its signed form whatever a newer author adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// `core`, or the app's name.
    pub id: Target,
    /// The release's version.
    pub version: Version,
    /// The name people read; as [`display`] has it, like all texts here.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// One sentence on what it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// The member that holds the icon, such as `icon.svg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The cores an app runs on. Of core itself: the older cores that may be updated to it without
    /// a version between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<VersionReq>,
    /// The contract an app was built against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abi: Option<AbiVersion>,
    /// What an app is written in.
    #[serde(default, skip_serializing_if = "Language::is_rust")]
    pub language: Language,
    /// What an app asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<Capability>,
    /// Requests that one instance of an app may answer, one after another.
    #[serde(default, skip_serializing_if = "Reuse::is_never")]
    pub reuse: Reuse,
    /// Other apps an app needs, by range.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<PackageName, VersionReq>,
    /// The data schema this version writes; counts from 0.
    #[serde(default)]
    pub schema: u32,
    /// The oldest schema its `migrate` accepts.
    #[serde(default)]
    pub migrates_from: u32,
    /// The lowest `schema` whose program still runs correctly on data this version wrote.
    #[serde(default)]
    pub oldest_reader: u32,
    /// One line for each data migration, for the plan page.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<String>,
    /// What stops working for those who update, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breaking: Vec<String>,
    /// What faults with security impact it mends, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security: Vec<String>,
    /// Whether an older version must be updated to this one before a newer one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stepping_stone: bool,
    /// The product's edition (core only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edition: Option<Edition>,
    /// SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// The bare binary inside a core package, by which a file on disk is matched to its release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<BinaryRecord>,
    /// Fields of newer writers.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Length and digest of a core package's `bin/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinaryRecord {
    /// The member's name below `bin/`.
    pub name: String,
    /// Its length.
    pub length: ByteSize,
    /// Its SHA-256.
    pub sha256: Digest,
}

/// Fields that a person reads and that trust does not depend on; left out of the signed form.
pub const DISPLAY_FIELDS: [&str; 3] = ["name", "summary", "icon"];

/// The largest `manifest.json` that is read.
pub const MAX_MANIFEST: ByteSize = ByteSize::kib(64);

impl Manifest {
    /// Parses `manifest.json`.
    ///
    /// # Errors
    /// Not JSON, a field of the wrong form, an unknown capability, a text or a claim that cannot be
    /// shown to people as it is meant, or more than [`MAX_MANIFEST`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidManifest> {
        if bytes.len() as u64 > MAX_MANIFEST.as_u64() {
            return Err(InvalidManifest::TooLarge { length: ByteSize::bytes(bytes.len() as u64) });
        }
        serde_json::from_slice::<Self>(bytes).map_err(InvalidManifest::Form)?.presentable()
    }

    /// Itself, where a person who reads it sees what it means.
    fn presentable(self) -> Result<Self, InvalidManifest> {
        let sentences = [
            ("migrations", &self.migrations),
            ("breaking", &self.breaking),
            ("security", &self.security),
        ];
        let texts = [
            ("name".to_owned(), self.name.as_str(), MAX_NAME),
            ("summary".to_owned(), &self.summary, MAX_SUMMARY),
            ("icon".to_owned(), self.icon.as_deref().unwrap_or_default(), MAX_SENTENCE),
            ("licence".to_owned(), self.licence.as_deref().unwrap_or_default(), MAX_SENTENCE),
        ];
        let sentences = sentences.into_iter().flat_map(|(member, all)| {
            let named = move |(at, text)| (format!("{member}[{at}]"), text, MAX_SENTENCE);
            all.iter().map(String::as_str).enumerate().map(named)
        });
        let reasons = self.capabilities.iter().enumerate().map(|(at, asked)| {
            (format!("capabilities[{at}].reason"), asked.reason.as_str(), MAX_REASON)
        });
        for (member, text, most) in texts.into_iter().chain(sentences).chain(reasons) {
            display::fits(text, most).map_err(|fault| InvalidManifest::Text { member, fault })?;
        }
        for (at, asked) in self.capabilities.iter().enumerate() {
            let unfit = |fault| InvalidManifest::Claim { at, fault };
            asked.grant.presentable().map_err(unfit)?;
        }
        Ok(self)
    }

    /// All that an app asks for: its [`capabilities`](Self::capabilities), and what its
    /// [`language`](Self::language) costs, which is asked for in no other way.
    pub fn claims(&self) -> Vec<Capability> {
        let language = self.language.clone();
        let interpreter = language.brings_interpreter().then(|| Capability {
            reason: format!(
                "It is written in {}, whose whole interpreter is part of the app.",
                language.name()
            ),
            grant: Grant::Compile { language },
        });
        let is_own = |claim: &&Capability| !matches!(claim.grant, Grant::Compile { .. });
        self.capabilities.iter().filter(is_own).cloned().chain(interpreter).collect()
    }

    /// What the author's role carries as `custom.manifest`, of the `manifest.json` in `bytes`:
    /// the object minus [`DISPLAY_FIELDS`], each capability's `reason` replaced by
    /// `reason_sha256`. Compared whole and canonically before anything is staged.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn signed_form(bytes: &[u8]) -> Result<Value, InvalidManifest> {
        Self::parse(bytes)?;
        let mut value: Value = serde_json::from_slice(bytes).map_err(InvalidManifest::Form)?;
        if let Some(object) = value.as_object_mut() {
            for field in DISPLAY_FIELDS {
                object.remove(field);
            }
            let capabilities = object.get_mut("capabilities").and_then(Value::as_array_mut);
            for capability in capabilities.into_iter().flatten().filter_map(Value::as_object_mut) {
                if let Some(Value::String(reason)) = capability.remove("reason") {
                    let digest = Digest::of(reason.as_bytes()).to_string();
                    capability.insert("reason_sha256".to_owned(), Value::String(digest));
                }
            }
        }
        Ok(value)
    }

    /// The manifest of a signed form: display fields empty, reasons replaced by their digests'
    /// text. Good for choosing a release, not for showing it.
    ///
    /// # Errors
    /// A field of the wrong form, an unknown capability, or a text or claim that cannot be shown to
    /// people as it is meant.
    pub fn from_signed_form(signed: &Value) -> Result<Self, InvalidManifest> {
        let mut value = signed.clone();
        let capabilities = value.get_mut("capabilities").and_then(Value::as_array_mut);
        for capability in capabilities.into_iter().flatten().filter_map(Value::as_object_mut) {
            if let Some(digest) = capability.remove("reason_sha256") {
                capability.insert("reason".to_owned(), digest);
            }
        }
        serde_json::from_value::<Self>(value).map_err(InvalidManifest::Form)?.presentable()
    }
}

/// Why a manifest was refused.
#[derive(Debug, thiserror::Error)]
pub enum InvalidManifest {
    /// More bytes than a manifest may have.
    #[error("manifest is {length}, more than {MAX_MANIFEST}")]
    TooLarge {
        /// What it has.
        length: ByteSize,
    },
    /// Not JSON, or a field of the wrong form.
    #[error("manifest does not have the form of a manifest")]
    Form(#[source] serde_json::Error),
    /// A text that does not look like what it says.
    #[error("manifest's {member} {fault}")]
    Text {
        /// Which, such as `name` or `capabilities[0].reason`.
        member: String,
        /// What is wrong with it.
        fault: UnfitText,
    },
    /// A claim that nobody can say yes to with their eyes open.
    #[error("manifest's capabilities[{at}] {fault}")]
    Claim {
        /// Which, counted from 0.
        at: usize,
        /// What is wrong with it.
        fault: UnfitGrant,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTES: &str = r#"{"id":"acme/notes","version":"2.0.0","name":"Notes","core":">=1.0","abi":"1.0",
        "capabilities":[{"kind":"storage","quota":1048576,"reason":"to keep notes"}],"schema":2,"later":{"x":1}}"#;

    #[test]
    fn the_signed_form_leaves_out_what_people_read_and_keeps_the_unknown() {
        let signed = Manifest::signed_form(NOTES.as_bytes()).unwrap();
        assert!(signed.get("name").is_none());
        assert_eq!(signed["later"]["x"], 1);
        let reason = Digest::of(b"to keep notes").to_string();
        assert_eq!(signed["capabilities"][0]["reason_sha256"], reason.as_str());
        let back = Manifest::from_signed_form(&signed).unwrap();
        assert_eq!((back.schema, back.capabilities.len()), (2, 1));
    }

    #[test]
    fn a_text_that_looks_like_another_is_refused_and_its_member_named() {
        let refused = |from: &str, to: &str| {
            let text = NOTES.replace(from, to);
            assert_ne!(text, NOTES);
            Manifest::parse(text.as_bytes()).unwrap_err().to_string()
        };
        let long = "x".repeat(301);
        for (from, to, said) in [
            ("\"Notes\"", r#""Notes\u001b[2J""#, "name has U+001B at character 6"),
            ("\"Notes\"", r#""\u202eNotes""#, "name has U+202E at character 1"),
            ("to keep notes", r"x\nyes", "capabilities[0].reason has U+000A at character 2"),
            ("to keep notes", &long, "capabilities[0].reason has 301 characters, more than 300"),
            ("\"later\"", r#""breaking":["a","b\u009b"],"later""#, "breaking[1] has U+009B"),
        ] {
            let error = refused(from, to);
            assert!(error.contains(said), "{error}");
        }
        let signed = Manifest::signed_form(NOTES.as_bytes()).unwrap();
        let mut forged = signed.clone();
        forged["migrations"] = serde_json::json!(["tidies\u{1b}[2K"]);
        assert!(Manifest::from_signed_form(&signed).is_ok());
        assert!(Manifest::from_signed_form(&forged).is_err());
    }

    #[test]
    fn a_claim_that_reads_as_another_is_refused() {
        let claims = |capability: &str| {
            let text =
                format!(r#"{{"id":"acme/notes","version":"1.0.0","capabilities":[{capability}]}}"#);
            Manifest::parse(text.as_bytes()).map(|_| ()).map_err(|error| error.to_string())
        };
        for (capability, said) in [
            (r#"{"kind":"http","host":"ехample.com","reason":"x"}"#, "names the host"),
            (r#"{"kind":"http","host":"ex%61mple.com","reason":"x"}"#, "names the host"),
            (r#"{"kind":"http","host":"a.example.com b","reason":"x"}"#, "names the host"),
            (r#"{"kind":"route","path":"/x\u001b[2J","reason":"x"}"#, "names the path"),
            (r#"{"kind":"storage","quota":18446744073709551615,"reason":"x"}"#, "1024 TiB"),
        ] {
            let error = claims(capability).unwrap_err();
            assert!(error.contains(said) && error.contains("capabilities[0]"), "{error}");
        }
        for capability in [
            r#"{"kind":"http","host":"xn--bcher-kva.example.com:8443","reason":"x"}"#,
            r#"{"kind":"http","host":"[2001:db8::1]:8080","reason":"x"}"#,
            r#"{"kind":"route","path":"/feed.xml","reason":"x"}"#,
            r#"{"kind":"storage","quota":1125899906842624,"reason":"x"}"#,
        ] {
            assert_eq!(claims(capability), Ok(()));
        }
    }

    #[test]
    fn instances_are_used_again_only_where_the_manifest_says_so() {
        let says = |reuse: &str| NOTES.replace("\"later\"", &format!("{reuse}\"later\""));
        let parse = |text: &str| Manifest::parse(text.as_bytes());
        assert_eq!(parse(NOTES).unwrap().reuse, Reuse::NEVER);
        assert_eq!(parse(&says("\"reuse\":16,")).unwrap().reuse, Reuse::requests(16));
        assert!(parse(&says("\"reuse\":0,")).is_err());
        assert_eq!(Manifest::signed_form(says("\"reuse\":16,").as_bytes()).unwrap()["reuse"], 16);
    }

    #[test]
    fn a_language_with_an_interpreter_is_claimed_beside_the_capabilities() {
        let claims = |language: &str| {
            let text = NOTES.replace("\"later\"", &format!("\"language\":{language},\"later\""));
            Manifest::parse(text.as_bytes()).unwrap().claims()
        };
        assert_eq!(Manifest::parse(NOTES.as_bytes()).unwrap().claims().len(), 1);
        assert_eq!((claims("\"rust\"").len(), claims("\"cobol\"").len()), (1, 1));
        let python = claims("\"python\"");
        assert_eq!(python[1].grant, Grant::Compile { language: Language::Python });
        assert!(python[1].reason.contains("Python"));
    }
}
