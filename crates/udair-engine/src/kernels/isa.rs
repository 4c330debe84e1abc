//! Which instruction set the kernels run on, decided once at run time.

/// An instruction set that this machine has.
///
/// Only [`Isa::detect`] and [`Isa::available`] make one, so holding a value proves that its
/// instructions may be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isa(pub(super) Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Isa {
    /// The fastest instruction set of this machine.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// Every instruction set of this machine, the fastest first; portable code is always last.
    pub fn available() -> Vec<Self> {
        let mut list = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if std::arch::is_x86_feature_detected!("avx512f") {
                list.push(Self(Kind::Avx512));
            }
            if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                list.push(Self(Kind::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        list.push(Self(Kind::Neon));
        list.push(Self(Kind::Portable));
        list
    }

    /// The instruction set called `name` (see [`Isa::name`]), if this machine has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().into_iter().find(|isa| isa.name() == name)
    }

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
        }
    }
}

/// Runs `$body::<S>(args)` on the instruction set of `$isa`, compiled with its features enabled.
macro_rules! dispatch {
    ($isa:expr, $body:ident ( $($arg:ident : $ty:ty),* $(,)? )) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        unsafe fn avx512($($arg: $ty),*) {
            // SAFETY: as for the body itself.
            unsafe { $body::<$crate::kernels::avx512::Avx512>($($arg),*) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2($($arg: $ty),*) {
            // SAFETY: as for the body itself.
            unsafe { $body::<$crate::kernels::avx2::Avx2>($($arg),*) }
        }
        // SAFETY: an `Isa` exists only where its instructions do, and the kernel has checked the
        // lengths of its slices before it comes here.
        unsafe {
            match $isa.0 {
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::isa::Kind::Avx512 => avx512($($arg),*),
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::isa::Kind::Avx2 => avx2($($arg),*),
                #[cfg(target_arch = "aarch64")]
                $crate::kernels::isa::Kind::Neon => $body::<$crate::kernels::neon::Neon>($($arg),*),
                $crate::kernels::isa::Kind::Portable => $body::<$crate::kernels::simd::Portable>($($arg),*),
            }
        }
    }};
}
pub(super) use dispatch;
