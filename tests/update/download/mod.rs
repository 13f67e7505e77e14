//! Downloads over a network, a server and mirrors that misbehave: an update comes to its end, or
//! says why it does not and leaves what runs as it was.

mod ground;
mod hints;
mod interrupted;
mod mirrors;
mod refused;
