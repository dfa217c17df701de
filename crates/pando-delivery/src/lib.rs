//! Delivery service for Messaging Layer Security (RFC 9420). So far, this crate contains the
//! storage layer, in the module [`store`].

pub mod store;
