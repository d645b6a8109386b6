//! Small programs as algorithms: what they are given, what they may do wrong, what they cost.

mod world;

mod containers;
mod failures;
mod inputs;
mod measures;
mod outputs;
mod runs;
mod table;
