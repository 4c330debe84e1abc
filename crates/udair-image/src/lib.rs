//! udair-image
