//! What layers compute in: the instruction set, and whether their products round to bf16.

use crate::kernels::Isa;

/// An instruction set and the precision of products; everything else is f32 in any case.
///
/// Only the functions below make one, so holding a value proves that its instructions may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arithmetic {
    pub(super) isa: Isa,
    /// Products on AMX.
    pub(super) tiles: bool,
}

impl Arithmetic {
    /// Factors as they are.
    pub fn f32(isa: Isa) -> Self {
        Self { isa, tiles: false }
    }

    /// Factors rounded to bf16 (eight significant bits), sums in f32, on machines with AMX: Intel Xeons of
    /// the fourth generation or later, under Linux.
    pub fn bf16() -> Option<Self> {
        // Tiles are packed by AVX512-BF16.
        #[cfg(target_arch = "x86_64")]
        if crate::kernels::amx::available() && crate::Precision::named("bf16").is_some() {
            return Some(Self { isa: Isa::named("avx512")?, tiles: true });
        }
        None
    }

    /// `f32` on the fastest instruction set, or `bf16` where the machine has it.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "f32" => Some(Self::f32(Isa::detect())),
            "bf16" => Self::bf16(),
            _ => None,
        }
    }

    /// The same without rounding: for products that are small and decide much.
    pub(super) fn exact(self) -> Self {
        Self::f32(self.isa)
    }
}
