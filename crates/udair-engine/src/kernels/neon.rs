//! NEON: a vector is four registers. Written from the architecture's manual; not yet run on one.

use std::arch::aarch64::*;

use super::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Neon;

macro_rules! lanewise {
    ($($name:ident => $op:ident),*) => {$(
        #[inline(always)]
        unsafe fn $name(a: Self::V, b: Self::V) -> Self::V {
            unsafe { [$op(a[0], b[0]), $op(a[1], b[1]), $op(a[2], b[2]), $op(a[3], b[3])] }
        }
    )*};
}

// SAFETY (all methods): every aarch64 machine has NEON, and the trait's contract puts enough values
// behind every pointer.
impl Simd for Neon {
    type V = [float32x4_t; 4];
    const ROWS: usize = 6;
    const COLUMNS: usize = 1;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        unsafe { [vdupq_n_f32(value); 4] }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        unsafe { std::array::from_fn(|i| vld1q_f32(from.add(4 * i))) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        for (i, part) in v.into_iter().enumerate() {
            unsafe { vst1q_f32(to.add(4 * i), part) }
        }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self::V {
        let mut lanes = [0.0_f32; 16];
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), n);
            Self::load(lanes.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, v: Self::V, n: usize) {
        let mut lanes = [0.0_f32; 16];
        unsafe {
            Self::store(lanes.as_mut_ptr(), v);
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, n);
        }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { std::array::from_fn(|i| vfmaq_f32(c[i], a[i], b[i])) }
    }
    lanewise! {
        add => vaddq_f32, sub => vsubq_f32, mul => vmulq_f32,
        div => vdivq_f32, max => vmaxq_f32, min => vminq_f32
    }
    #[inline(always)]
    unsafe fn sqrt(v: Self::V) -> Self::V {
        unsafe { v.map(|part| vsqrtq_f32(part)) }
    }
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f32 {
        unsafe {
            let four = vaddq_f32(vaddq_f32(v[0], v[2]), vaddq_f32(v[1], v[3]));
            let two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
            vget_lane_f32::<0>(two) + vget_lane_f32::<1>(two)
        }
    }
}
