//! Signers as text: one line for each that is pinned, and one for each offered in its place.

use newleaf_domain::Namespace;
use newleaf_update::view::{SignerRow, SignerView, TrustView};

use super::overview::freshness;
use super::table::table;

/// Whom this host trusts.
pub(crate) fn signers(view: &TrustView) -> String {
    let rows = view.signers.iter().flat_map(lines).collect::<Vec<_>>();
    let mut parts = Vec::new();
    if !rows.is_empty() {
        parts.push(table(["namespace", "signer", "n", "level", "threshold", "keys"], &rows));
    } else if view.lost.is_empty() {
        parts.push("no signer is pinned: no app was installed yet".to_owned());
    }
    parts.extend(view.signers.iter().filter_map(advice));
    parts.extend(view.lost.iter().map(lost));
    parts.push(freshness(&view.freshness));
    parts.join("\n\n")
}

fn lines(row: &SignerRow) -> Vec<[String; 6]> {
    let pinned = line(row, "pinned", &row.pinned);
    std::iter::once(pinned)
        .chain(row.offered.as_ref().map(|signer| line(row, "offered", signer)))
        .collect()
}

fn line(row: &SignerRow, standing: &str, signer: &SignerView) -> [String; 6] {
    [
        row.namespace.to_string(),
        standing.to_owned(),
        signer.n.to_string(),
        signer.level.to_string(),
        format!("{} of {}", signer.threshold, signer.keys.len()),
        signer.short_keys(),
    ]
}

/// A signer that was pinned, and is not known any more.
fn lost(namespace: &Namespace) -> String {
    format!(
        "the pinned signer of {namespace} is lost: apps of {namespace} are installed, and \
         trust/pins/{namespace}.json is not there\n  \
         put the file back from a backup; where there is none, remove the apps of {namespace}, \
         keeping their data, and install them again"
    )
}

/// What stands in the way of a namespace's updates, and what may be done about it.
fn advice(row: &SignerRow) -> Option<String> {
    let namespace = &row.namespace;
    match (&row.offered, &row.trouble) {
        (Some(_), _) => Some(format!(
            "{namespace} is offered by another signer, for whom offline keys vouch.\n  \
             compare the key ids with the author, then: newleaf trust accept {namespace}"
        )),
        (None, Some(trouble)) => Some(format!("nothing of {namespace} is offered: {trouble}")),
        (None, None) => None,
    }
}

/// Both signers of a namespace, before one takes the other's place.
pub(crate) fn both_signers(row: &SignerRow, offered: &SignerView) -> String {
    let namespace = &row.namespace;
    format!(
        "{namespace} is pinned to   {}\n{namespace} is offered by  {offered}\n\
         Offline keys of the repository vouch for the new signer. Once accepted, it alone signs \
         updates of {namespace}.",
        row.pinned
    )
}

#[cfg(test)]
mod tests {
    use newleaf_update::view::Freshness;

    use super::*;

    #[test]
    fn a_lost_pin_is_not_told_as_no_app() {
        let namespace = Namespace::parse("acme").unwrap();
        let freshness = Freshness::default();
        let mut view = TrustView { signers: Vec::new(), lost: vec![namespace], freshness };
        let told = signers(&view);
        assert!(told.starts_with("the pinned signer of acme is lost: "), "{told}");
        assert!(told.contains("put the file back from a backup"), "{told}");
        view.lost.clear();
        assert!(signers(&view).starts_with("no signer is pinned: no app was installed yet"));
    }

    #[test]
    fn both_signers_stand_below_each_other() {
        let view: TrustView = serde_json::from_value(serde_json::json!({
            "signers": [
                {
                    "namespace": "acme",
                    "pinned": {"n": 1, "level": "fresh", "threshold": 1, "keys": ["3f2a90c1d4e5f6"]},
                    "offered": {
                        "n": 2, "level": "claimed", "threshold": 2,
                        "keys": ["77aa01b2c3d4e5", "a0b1c2d3e4f5a6"],
                    },
                    "trouble": "the signer changed",
                },
                {
                    "namespace": "north",
                    "pinned": {"n": 1, "level": "claimed", "threshold": 1, "keys": ["0011223344556677"]},
                    "offered": null,
                    "trouble": "pub.north.json expired",
                },
            ],
            "freshness": Freshness::default(),
        }))
        .unwrap();
        insta::assert_snapshot!(signers(&view), @r"
        NAMESPACE  SIGNER   N  LEVEL    THRESHOLD  KEYS
        acme       pinned   1  fresh    1 of 1     3f2a90c1d4e5
        acme       offered  2  claimed  2 of 2     77aa01b2c3d4, a0b1c2d3e4f5
        north      pinned   1  claimed  1 of 1     001122334455

        acme is offered by another signer, for whom offline keys vouch.
          compare the key ids with the author, then: newleaf trust accept acme

        nothing of north is offered: pub.north.json expired

        repository never read
        ");
    }
}
