//! Ports below 1024.
