//! Convolution and batch norm of our own for `flex`, as operations of Burn with their own backward
//! passes. Vector instructions are chosen at run time; without them the same code runs on single
//! values. Other devices compute the same with Burn's own operations.

mod block;
mod origin;
mod threads;
mod planes;
mod descent;
mod parity;
mod pool;
mod upsample;
mod affine;
mod source;
mod norm;
mod product;
mod direct;
mod correlation;
mod tiles;
mod winograd;
mod winograd_gradient;
mod convolution;
mod phases;
mod extension;
mod flex;
mod operations;

pub use block::Block;
pub use descent::Descent;
pub use operations::{
    add_convolved_doubled, affine, affine_convolution, convolve, descend, double, finish_block,
    max_pool, normalise, normed_convolution, parities, runs_on,
};
pub use origin::{Doubled, Origin};
pub use parity::Parity;
pub use pool::Window;

#[cfg(test)]
mod tests;
