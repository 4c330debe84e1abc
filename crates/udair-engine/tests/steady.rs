//! A second picture of the same size takes no new memory but for what is handed out, and is not changed
//! by the first.

#![expect(unsafe_code, reason = "an allocator that counts is one")]
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use udair_engine::{Config, Engine, Silent, Tensor, Weights, parameters};

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as for this function.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as for this function.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as for this function.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn engine() -> Engine {
    let config = Config { width: 8, trunk: 16, ..Config::small() };
    let mut state = 1_u32;
    let mut value = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let tensors = parameters(&config)
        .into_iter()
        .map(|p| (p.name.clone(), Tensor { data: (0..p.len()).map(|_| value()).collect(), shape: p.shape }))
        .collect();
    Engine::new(&Weights::new(config, Vec::new(), BTreeMap::new(), tensors, None).unwrap()).unwrap()
}

#[test]
fn a_second_picture_takes_no_new_maps() {
    let (width, height) = (200, 136);
    let pictures = [3, 5].map(|step| -> Vec<f32> {
        (0..width * height * 3).map(|i| (i * step % 256) as f32 / 255.0).collect()
    });
    let engine = engine();
    let restore = |rgb: Vec<f32>| {
        let conditions = engine.conditions(&rgb, width, height, &Silent).unwrap();
        engine.restore(rgb, width, height, conditions, &Silent).unwrap()
    };
    let fresh = {
        let rgb = pictures[1].clone();
        let engine = self::engine();
        let conditions = engine.conditions(&rgb, width, height, &Silent).unwrap();
        engine.restore(rgb, width, height, conditions, &Silent).unwrap()
    };
    // What a picture takes at first, and once the engine has settled.
    let mut taken = Vec::new();
    for _ in 0..3 {
        for rgb in pictures.clone() {
            let before = BYTES.load(Ordering::Relaxed);
            restore(rgb);
            taken.push(BYTES.load(Ordering::Relaxed) - before);
        }
    }
    let last = *taken.last().unwrap();
    // What the caller gets (the result, D3 and D4 with their codes), the picture in bytes, D3's values by
    // code; beyond these, lists as long as there are rows and channels.
    let (eighth, quarter) = (width / 8 * height / 8, width / 4 * height / 4);
    let handed = 4 * (width * height * 3 + eighth * (8 * 8 + 1) + quarter * (4 * 8 + 1));
    let kept = width * height * 3 + 4 * 512 * 4 * 8;
    // Means and variances of nine parts: a list for each of three maps, and all of them in one.
    let parts = 2 * 9 * 28 * 8 * 8;
    let most = handed + kept + parts + (200 << 10);
    assert!(last < most, "{taken:?} bytes taken, {handed} handed over, {kept} kept, {parts} of parts");
    assert_eq!(restore(pictures[1].clone()), fresh, "memory that was used before changes nothing");
}
