//! What the pages call the product.

use newleaf_domain::{AppAddresses, Version};

/// The product as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductFace {
    /// Its name.
    pub name: String,
    /// The version of the program that renders the page.
    pub version: Version,
    /// Where apps are served, for links to them.
    pub apps: AppAddresses,
}
