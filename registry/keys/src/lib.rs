//! The offline ceremony: root, targets, delegations and releases signed with keys that never meet the registry.
