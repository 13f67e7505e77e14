//! Updates of real hosts: under load, killed at each record, broken on purpose.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
#![expect(clippy::print_stdout, reason = "what was counted is part of the result")]

mod app_data;
mod app_load;
mod app_swaps;
mod broken;
mod confined;
mod crowded;
mod defaults;
mod download;
mod fault;
mod killed;
mod languages;
mod left_behind;
mod load;
mod manual;
mod ports;
mod random;
mod rehearsed;
mod settings;
mod stones;
mod undone;
mod websocket;
