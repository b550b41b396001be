//! Tables, one line per case.
