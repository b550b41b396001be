//! The stand-ins: of each provider's API the part that its SDK is tried with, shaped as the provider documents it.

pub(crate) mod anthropic;
pub(crate) mod openai;
pub(crate) mod stripe;
