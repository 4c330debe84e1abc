//! udair-weights
