//! Stripe's SDK for Python.

use crate::program;
use crate::providers::stripe;
use crate::scene::{self, Base, Sdk};

const SDK: Sdk =
    Sdk { program: || program::python("stripe_client.py"), provider: |_| stripe::start(), base: Base::Path("") };

#[test]
fn lists_and_creates() {
    let records = scene::calls(&SDK, &stripe::CALLS);
    stripe::assert_received(&records);
}

#[test]
fn a_no_is_an_authentication_error() {
    scene::denied(&SDK, "AuthenticationError");
}

#[test]
fn a_replacement_under_calls_fails_none() {
    scene::replaced(&SDK);
}
