//! The store through its front door, and through the back door that every database file has.

mod audit;
mod common;
mod guards;
mod people;
mod publish;
mod routes;
mod secrets;
mod transactions;
mod usage;
