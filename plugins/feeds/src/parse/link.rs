//! Addresses and names inside a document.

use url::Url;

use super::Element;

/// `link` made absolute with `base`; none where it is no web address.
pub(super) fn absolute(link: &str, base: &Url) -> Option<String> {
    let link = link.trim();
    if link.is_empty() || link.len() > 2000 {
        return None;
    }
    let url = base.join(link).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

/// The base that holds inside `element`, where `xml:base` may say another (XML Base §3).
pub(super) fn base_of(element: &Element, outer: &Url) -> Url {
    element
        .attribute("xml:base")
        .and_then(|base| outer.join(base.trim()).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .unwrap_or_else(|| outer.clone())
}

/// A guid that is not too long for a key; a longer one keeps its start and a sum of the rest.
pub(super) fn guid(text: &str) -> String {
    const LONGEST: usize = 500;
    let text = text.trim();
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let start: String = text.chars().take(LONGEST / 4).collect();
    format!("{start}…{:016x}", sum(text))
}

/// FNV-1a: tells texts apart; guards nothing.
pub(crate) fn sum(text: &str) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
