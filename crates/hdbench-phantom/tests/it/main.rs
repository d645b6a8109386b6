//! CT phantoms.

mod phantom;
