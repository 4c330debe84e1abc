//! AVX2 with FMA: a vector is two registers.

use std::arch::x86_64::*;

use super::simd::Simd;

#[derive(Clone, Copy)]
pub(super) struct Avx2;

macro_rules! lanewise {
    ($($name:ident => $op:ident),*) => {$(
        #[inline(always)]
        unsafe fn $name(a: Self::V, b: Self::V) -> Self::V {
            unsafe { [$op(a[0], b[0]), $op(a[1], b[1])] }
        }
    )*};
}

// SAFETY (all methods): the trait's contract puts AVX2 and FMA on the machine and enough values
// behind every pointer; masked accesses touch only the lanes below `n`.
impl Simd for Avx2 {
    type V = [__m256; 2];
    const ROWS: usize = 6;
    const COLUMNS: usize = 1;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self::V {
        unsafe { [_mm256_set1_ps(value); 2] }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        unsafe {
            _mm256_storeu_ps(to, v[0]);
            _mm256_storeu_ps(to.add(8), v[1]);
        }
    }
    #[inline(always)]
    unsafe fn load_part(from: *const f32, n: usize) -> Self::V {
        unsafe {
            [_mm256_maskload_ps(from, mask(n, 0)), _mm256_maskload_ps(from.wrapping_add(8), mask(n, 8))]
        }
    }
    #[inline(always)]
    unsafe fn store_part(to: *mut f32, v: Self::V, n: usize) {
        unsafe {
            // Some machines take tens of cycles for a masked store, even of all lanes or of none.
            match n {
                16.. => Self::store(to, v),
                8 => _mm256_storeu_ps(to, v[0]),
                9..16 => {
                    _mm256_storeu_ps(to, v[0]);
                    _mm256_maskstore_ps(to.add(8), mask(n, 8), v[1]);
                }
                _ => _mm256_maskstore_ps(to, mask(n, 0), v[0]),
            }
        }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }
    lanewise! {
        add => _mm256_add_ps, sub => _mm256_sub_ps, mul => _mm256_mul_ps,
        div => _mm256_div_ps, max => _mm256_max_ps, min => _mm256_min_ps
    }
    #[inline(always)]
    unsafe fn sqrt(v: Self::V) -> Self::V {
        unsafe { [_mm256_sqrt_ps(v[0]), _mm256_sqrt_ps(v[1])] }
    }
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f32 {
        unsafe {
            let eight = _mm256_add_ps(v[0], v[1]);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
}

/// Lanes `first..first + 8` that lie below `n`.
#[inline(always)]
fn mask(n: usize, first: i32) -> __m256i {
    // SAFETY: AVX2 is there whenever a method of this file runs.
    unsafe {
        let lanes = _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(first));
        _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes)
    }
}
