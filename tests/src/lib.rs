//! Tests that cross crates, and the programs behind cargo demo and cargo verify.
