//! udair
