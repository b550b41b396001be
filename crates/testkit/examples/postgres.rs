//! Holds the PostgreSQL cluster of a test run: writes one line, the value of
//! `KEYROLL_TEST_POSTGRES`, and ends with its standard input.
#![allow(clippy::print_stdout, reason = "the line is what it is for")]

use std::io::Read;

fn main() {
    let postgres = testkit::Postgres::start();
    println!("{}", postgres.invitation());
    // Nothing is sent: this returns when the pipe is closed, or its other end is gone.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
