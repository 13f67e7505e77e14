//! What the pages call the product.

use newleaf_domain::Version;

/// The product as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductFace {
    /// Its name.
    pub name: String,
    /// The version of the program that renders the page.
    pub version: Version,
    /// Address of the public listener, such as `http://127.0.0.1:8080`, for links to apps; none
    /// where only the host's own users know it.
    pub public_address: Option<String>,
}
