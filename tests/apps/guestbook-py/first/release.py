"""Which release this is: 1.0.0, which keeps names alone."""

SCHEMA = 1
