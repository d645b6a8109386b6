//! Statistics against independent tools.

mod statistics;
