use super::block::Block;

/// How maps are made twice as large: in the plane, and along z where `along_z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubled {
    pub along_z: bool,
    /// Nearest values otherwise.
    pub linear: bool,
}

impl Doubled {
    /// What becomes of a shape `[n, channels, (z,) y, x]`.
    pub(super) fn shape(self, small: &[usize]) -> Vec<usize> {
        let mut shape = small.to_vec();
        let axes = shape.len();
        let doubled = if self.along_z { 3 } else { 2 };
        for size in &mut shape[axes - doubled..] {
            *size *= 2;
        }
        shape
    }
}

/// Where what a normed convolution sees comes from, and with it what is kept for its backward pass.
#[derive(Clone, Debug)]
pub enum Origin {
    /// The input itself.
    Input,
    /// The first channels of a dense block's output, which is kept instead.
    Block(Block),
    /// The input doubled, whose small self is kept.
    Doubled(Doubled),
}

impl Origin {
    /// How the input is doubled, where it is.
    pub fn doubled(&self) -> Option<Doubled> {
        match self {
            Self::Doubled(how) => Some(*how),
            Self::Input | Self::Block(_) => None,
        }
    }
}
