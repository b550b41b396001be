//! Everything time-driven: publish, tally, retain.
