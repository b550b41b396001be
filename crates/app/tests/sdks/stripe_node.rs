//! Stripe's SDK for Node, which takes a host and no path.

use crate::program;
use crate::providers::stripe;
use crate::scene::{self, Base, Sdk};

const SDK: Sdk = Sdk { program: || program::node("stripe_client.js"), provider: |_| stripe::start(), base: Base::Host };

#[test]
fn lists_and_creates() {
    let records = scene::calls(&SDK, &stripe::CALLS);
    stripe::assert_received(&records);
}

#[test]
fn a_no_is_an_authentication_error() {
    scene::denied(&SDK, "StripeAuthenticationError");
}

#[test]
fn a_replacement_under_calls_fails_none() {
    scene::replaced(&SDK);
}
