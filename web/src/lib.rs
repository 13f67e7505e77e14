//! The portal: HTTP in, HTML out.
