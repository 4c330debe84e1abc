//! AMX: products of tiles of bf16 pairs with f32 sums, sixteen times the multiplications of AVX-512 in
//! f32 a cycle.
//!
//! Rust has no stable intrinsics for it, so the loop over the inner dimension is one piece of assembly.
//! A tile is sixteen [`Line`]s. Of the left operand a line is a row of sixteen pairs of inner values, of
//! the right operand sixteen columns of one pair.

use std::arch::asm;
use std::sync::OnceLock;

/// Lines of a tile, and places of a line.
pub(super) const SIDE: usize = 16;

/// Sixteen pairs of bf16.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [u32; SIDE]);

/// True where the processor has AMX for bf16 and the system grants its registers, which it is asked for
/// once.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| !cfg!(miri) && on_processor() && granted())
}

/// CPUID leaf 7: bits 22 (bf16) and 24 (tiles) of EDX.
fn on_processor() -> bool {
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    let both = 1 << 22 | 1 << 24;
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & both == both
}

/// Linux saves the tiles (8 KiB) of those processes alone that have asked for it.
#[cfg(target_os = "linux")]
fn granted() -> bool {
    const ARCH_PRCTL: i64 = 158;
    const ARCH_REQ_XCOMP_PERM: u64 = 0x1023;
    const XFEATURE_XTILEDATA: u64 = 18;
    let refused: i64;
    // SAFETY: the call takes two numbers and touches no memory.
    unsafe {
        asm!(
            "syscall",
            inout("rax") ARCH_PRCTL => refused,
            in("rdi") ARCH_REQ_XCOMP_PERM,
            in("rsi") XFEATURE_XTILEDATA,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
    }
    refused == 0
}

#[cfg(not(target_os = "linux"))]
fn granted() -> bool {
    false
}

/// The tile registers of this thread, in use until it is dropped.
#[derive(Debug)]
pub(super) struct Tiles(());

/// Where a product of tiles reads its operands.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(super) struct Operands {
    /// The first tile of each block of rows.
    pub(super) left: [*const u32; 2],
    /// The first tile of each block of columns.
    pub(super) right: [*const u32; 2],
    /// Bytes between lines of the left operand.
    pub(super) left_stride: usize,
    /// Bytes from tile to tile along the inner dimension.
    pub(super) left_step: usize,
    /// The same of the right operand, whose lines follow each other.
    pub(super) right_step: usize,
    /// Tiles along the inner dimension, at least one.
    pub(super) steps: usize,
}

impl Tiles {
    /// Sets the registers up for tiles of `pairs` pairs of inner values, 1 to 16.
    ///
    /// # Safety
    /// [`available`] must have said so.
    pub(super) unsafe fn new(pairs: usize) -> Self {
        #[repr(C, align(64))]
        struct Shapes([u8; 64]);
        assert!((1..=SIDE).contains(&pairs), "a tile has one to sixteen pairs");
        let mut shapes = Shapes([0; 64]);
        shapes.0[0] = 1;
        // Tiles 0 to 3 are sums, 4 and 5 left, 6 and 7 right.
        for tile in 0..8 {
            let (rows, places) = match tile {
                0..4 => (SIDE, SIDE),
                4..6 => (SIDE, pairs),
                _ => (pairs, SIDE),
            };
            shapes.0[16 + 2 * tile] = 4 * places as u8;
            shapes.0[48 + tile] = rows as u8;
        }
        // SAFETY: the machine has the registers, and this is a valid description of them.
        unsafe { asm!("ldtilecfg [{}]", in(reg) shapes.0.as_ptr(), options(nostack, readonly)) };
        Self(())
    }

    /// The product of one or two blocks of 16 rows and one or two of 16 columns, stored behind `sums[0]`
    /// and, for the second block of rows, `sums[1]`, rows `stride` bytes apart; added to what is there if
    /// `add`.
    ///
    /// # Safety
    /// All tiles must be readable, all rows of sums writable, and readable if they are added to.
    #[expect(clippy::unused_self, reason = "it shows that the registers are set up")]
    #[inline]
    pub(super) unsafe fn product(
        &self,
        [rows, columns]: [usize; 2],
        operands: &Operands,
        sums: [*mut f32; 2],
        stride: usize,
        add: bool,
    ) {
        macro_rules! product {
            ([$($load:literal)*] [$($zero:literal)*] [$($multiply:literal)*] [$($store:literal)*]) => {
                asm!(
                    "test {add:e}, {add:e}",
                    "jz 2f",
                    $($load,)*
                    "jmp 3f",
                    "2:",
                    $($zero,)*
                    "3:",
                    $($multiply,)*
                    "add {a}, [{o} + 40]",
                    "add {b}, [{o} + 40]",
                    "add {p}, [{o} + 48]",
                    "add {q}, [{o} + 48]",
                    "dec {n}",
                    "jnz 3b",
                    $($store,)*
                    o = in(reg) operands,
                    a = inout(reg) operands.left[0] => _,
                    b = inout(reg) operands.left[1] => _,
                    p = inout(reg) operands.right[0] => _,
                    q = inout(reg) operands.right[1] => _,
                    n = inout(reg) operands.steps => _,
                    s = in(reg) operands.left_stride,
                    t = in(reg) 4 * SIDE,
                    c = in(reg) sums[0],
                    d = in(reg) sums[1],
                    u = in(reg) stride,
                    add = in(reg) u32::from(add),
                    options(nostack),
                )
            };
        }
        debug_assert!(operands.steps > 0);
        // SAFETY: the registers are set up, as `self` shows; the caller answers for the memory.
        unsafe {
            match (rows, columns) {
                (2, 2) => product!(
                    ["tileloadd tmm0, [{c} + {u}*1]" "tileloadd tmm1, [{c} + {u}*1 + 64]"
                     "tileloadd tmm2, [{d} + {u}*1]" "tileloadd tmm3, [{d} + {u}*1 + 64]"]
                    ["tilezero tmm0" "tilezero tmm1" "tilezero tmm2" "tilezero tmm3"]
                    ["tileloadd tmm4, [{a} + {s}*1]" "tileloadd tmm6, [{p} + {t}*1]"
                     "tdpbf16ps tmm0, tmm4, tmm6" "tileloadd tmm7, [{q} + {t}*1]"
                     "tdpbf16ps tmm1, tmm4, tmm7" "tileloadd tmm5, [{b} + {s}*1]"
                     "tdpbf16ps tmm2, tmm5, tmm6" "tdpbf16ps tmm3, tmm5, tmm7"]
                    ["tilestored [{c} + {u}*1], tmm0" "tilestored [{c} + {u}*1 + 64], tmm1"
                     "tilestored [{d} + {u}*1], tmm2" "tilestored [{d} + {u}*1 + 64], tmm3"]
                ),
                (1, 2) => product!(
                    ["tileloadd tmm0, [{c} + {u}*1]" "tileloadd tmm1, [{c} + {u}*1 + 64]"]
                    ["tilezero tmm0" "tilezero tmm1"]
                    ["tileloadd tmm4, [{a} + {s}*1]" "tileloadd tmm6, [{p} + {t}*1]"
                     "tdpbf16ps tmm0, tmm4, tmm6" "tileloadd tmm7, [{q} + {t}*1]"
                     "tdpbf16ps tmm1, tmm4, tmm7"]
                    ["tilestored [{c} + {u}*1], tmm0" "tilestored [{c} + {u}*1 + 64], tmm1" "/* {d} */"]
                ),
                (2, 1) => product!(
                    ["tileloadd tmm0, [{c} + {u}*1]" "tileloadd tmm2, [{d} + {u}*1]"]
                    ["tilezero tmm0" "tilezero tmm2"]
                    ["tileloadd tmm4, [{a} + {s}*1]" "tileloadd tmm6, [{p} + {t}*1]"
                     "tdpbf16ps tmm0, tmm4, tmm6" "tileloadd tmm5, [{b} + {s}*1]"
                     "tdpbf16ps tmm2, tmm5, tmm6"]
                    ["tilestored [{c} + {u}*1], tmm0" "tilestored [{d} + {u}*1], tmm2"]
                ),
                _ => product!(
                    ["tileloadd tmm0, [{c} + {u}*1]"]
                    ["tilezero tmm0"]
                    ["tileloadd tmm4, [{a} + {s}*1]" "tileloadd tmm6, [{p} + {t}*1]"
                     "tdpbf16ps tmm0, tmm4, tmm6"]
                    ["tilestored [{c} + {u}*1], tmm0" "/* {d} */"]
                ),
            }
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: a value exists only where the machine has the registers; nobody reads them any more.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
