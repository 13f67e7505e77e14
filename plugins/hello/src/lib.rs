//! The tutorial app: greets whoever asks.
