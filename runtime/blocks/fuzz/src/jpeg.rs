//! What must hold of any JPEG file.

#[path = "../../tests/jpeg_common/mod.rs"]
mod jpeg_common;

/// Every byte is reported once, in order, and the same however it arrives; every MCU has its row.
pub fn check_image(data: &[u8]) {
    jpeg_common::examine(data, &super::chunk_sizes(data));
}
