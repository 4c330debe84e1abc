//! What the backbone's matrix products are computed in.

/// A precision that this machine has; sums and maps are f32 in any case.
///
/// Only [`Precision::f32`] and [`Precision::available`] make one, so holding a value proves that its
/// instructions may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Precision(pub(super) Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    #[cfg(target_arch = "x86_64")]
    Bf16,
}

impl Precision {
    /// Factors as they are.
    pub fn f32() -> Self {
        Self(Kind::F32)
    }

    /// Every precision of this machine, the most exact first. `bf16` rounds factors to eight
    /// significant bits and needs AVX512-BF16.
    pub fn available() -> Vec<Self> {
        let mut list = vec![Self::f32()];
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512bf16")
            && std::arch::is_x86_feature_detected!("avx512bw")
        {
            list.push(Self(Kind::Bf16));
        }
        list
    }

    /// The precision called `name` (see [`Precision::name`]), if this machine has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().into_iter().find(|precision| precision.name() == name)
    }

    /// Neighbours of the inner dimension that share a place.
    pub(crate) fn granule(self) -> usize {
        match self.0 {
            Kind::F32 => 1,
            #[cfg(target_arch = "x86_64")]
            Kind::Bf16 => 2,
        }
    }

    /// `f32` or `bf16`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::F32 => "f32",
            #[cfg(target_arch = "x86_64")]
            Kind::Bf16 => "bf16",
        }
    }
}
