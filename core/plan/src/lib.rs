//! Chooses releases: installed, verified targets, policy and a time in, a plan out. Pure.
