//! Carries a plan out; every effect goes through a port.
