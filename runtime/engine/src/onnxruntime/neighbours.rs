//! Libraries of NVIDIA that `pip` installs beside ONNX Runtime, where the system's loader does not look.

use super::probe;
use ort::ep::cuda::{CUDA_DYLIBS, CUDNN_DYLIBS};
use std::path::{Path, PathBuf};

/// The libraries of TensorRT that the provider of ONNX Runtime 1.31 is linked with.
pub(super) const TENSORRT: [&str; 3] = ["libnvinfer.so.10", "libnvinfer_plugin.so.10", "libnvonnxparser.so.10"];

/// Every library that the providers are linked with, what others need first.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    CUDA_DYLIBS.iter().chain(CUDNN_DYLIBS).copied().chain(TENSORRT)
}

/// Loads those that lie in `site-packages/nvidia/*/lib` and `site-packages/tensorrt_libs` beside the library at
/// `site-packages/onnxruntime/capi/`: once loaded, the providers find them by name. What is missing, or does not load,
/// the provider reports.
pub(super) fn load(library: &Path) {
    let Some(packages) = library.ancestors().nth(3).filter(|path| !path.as_os_str().is_empty()) else { return };
    let folders = folders(packages);
    for name in names() {
        if let Some(path) = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()) {
            let _ = probe::keep(path.as_os_str());
        }
    }
}

fn folders(packages: &Path) -> Vec<PathBuf> {
    let wheels = std::fs::read_dir(packages.join("nvidia")).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = wheels.map(|entry| entry.path().join("lib")).filter(|path| path.is_dir()).collect();
    folders.sort_unstable();
    folders.push(packages.join("tensorrt_libs"));
    folders
}
