//! A line through every value of a plane: a norm with its statistics given.

use pulp::{Arch, Simd, WithSimd};

/// One plane.
pub fn affine_one(arch: Arch, x: &[f32], y: &mut [f32], [scale, shift]: [f32; 2], relu: bool) {
    arch.dispatch(Affine {
        x,
        y,
        scale,
        shift,
        relu,
    });
}

struct Affine<'a> {
    x: &'a [f32],
    y: &'a mut [f32],
    scale: f32,
    shift: f32,
    relu: bool,
}

impl WithSimd for Affine<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let lowest = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let (x, x_rest) = S::as_simd_f32s(self.x);
        let (y, y_rest) = S::as_mut_simd_f32s(self.y);
        let (scale, shift) = (simd.splat_f32s(self.scale), simd.splat_f32s(self.shift));
        let floor = simd.splat_f32s(lowest);
        for (y, &x) in y.iter_mut().zip(x) {
            *y = simd.max_f32s(simd.mul_add_e_f32s(x, scale, shift), floor);
        }
        for (y, x) in y_rest.iter_mut().zip(x_rest) {
            *y = (x * self.scale + self.shift).max(lowest);
        }
    }
}
