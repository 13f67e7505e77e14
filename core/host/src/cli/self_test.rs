//! `newleaf --self-test`: what this program says of itself, asked of an unpacked version before it
//! is trusted with anything. That it answers at all shows that it runs on this machine.

use newleaf_domain::{Edition, Platform, Version};
use newleaf_update::port::SelfTest;

use super::exit::Exit;
use super::show::{Form, Screen};
use crate::Product;

/// Prints one line of JSON.
pub(super) fn run(product: &Product) -> Exit {
    let Ok(version) = Version::parse(product.version) else { return Exit::Failed };
    let said = SelfTest {
        version,
        protocol: crate::protocol::spoken(),
        schema: product.schema(),
        oldest_reader: OLDEST_READER,
        platform: Some(Platform::current()),
        edition: Edition::parse(product.edition).ok(),
    };
    Screen::new(Form::Json, product.program).line(&said);
    Exit::Done
}

/// What a version adds to the data by *expand*, every earlier one reads past: none is shut out
/// before *contract* has run.
pub(crate) const OLDEST_READER: u32 = 0;
