//! The small values that all others are made of: a moment, versions, names, a reader.

use newleaf_domain::{
    AppAddresses, Digest, PackageName, PlanId, PublicAddress, Target, Timestamp, UpdateId, Version,
};

use crate::gate::SignedIn;
use crate::product::ProductFace;
use crate::store::Session;
use crate::token::Secret;

pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T02:30:00Z").unwrap()
}

pub(super) fn ago(seconds: i64) -> Timestamp {
    now().plus_seconds(-seconds)
}

pub(crate) fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

pub(super) fn notes() -> PackageName {
    PackageName::parse("acme/notes").unwrap()
}

pub(crate) fn notes_target() -> Target {
    Target::App(notes())
}

pub(crate) fn product() -> ProductFace {
    ProductFace {
        name: "Newleaf".to_owned(),
        version: version("1.0.0"),
        apps: AppAddresses {
            listener: PublicAddress::parse("http://127.0.0.1:8080").ok(),
            ..AppAddresses::default()
        },
    }
}

pub(crate) fn secret() -> Secret {
    Secret::from_bytes([7; 32])
}

pub(crate) fn reader() -> SignedIn {
    let session = Session {
        key: secret().key(),
        account: "admin".to_owned(),
        began: ago(600),
        expires: now().plus_seconds(3600),
    };
    SignedIn::new(session, &secret())
}

pub(crate) fn update() -> UpdateId {
    UpdateId::new(ago(12), &PlanId::of(Digest::of(b"plan")), 41)
}
