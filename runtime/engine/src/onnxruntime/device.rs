use super::library::Library;
use super::tensorrt;
use crate::EngineError;
use ort::ep::{CPU, CUDA, ExecutionProviderDispatch};
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;
use std::fmt;

/// Where ONNX Runtime runs a graph: all of it there, or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// An NVIDIA card, by the CUDA provider. Float32 products are float32, not TF32.
    Cuda,
    /// An NVIDIA card, by engines that TensorRT builds of the graph and keeps in a cache. Float32 products are TF32
    /// unless `NVIDIA_TF32_OVERRIDE=0` is set.
    TensorRt,
}

impl Device {
    /// Every device, in order.
    pub const ALL: [Device; 3] = [Device::Cpu, Device::Cuda, Device::TensorRt];

    /// The engine's name with this device, one of [`ENGINES`](crate::ENGINES).
    #[must_use]
    pub fn engine(self) -> &'static str {
        match self {
            Device::Cpu => "onnxruntime",
            Device::Cuda => "onnxruntime:cuda",
            Device::TensorRt => "onnxruntime:tensorrt",
        }
    }

    /// ONNX Runtime's name of the execution provider.
    #[must_use]
    pub fn provider(self) -> &'static str {
        match self {
            Device::Cpu => "CPUExecutionProvider",
            Device::Cuda => "CUDAExecutionProvider",
            Device::TensorRt => "TensorrtExecutionProvider",
        }
    }

    /// What a machine needs for it, and the command that gets it. For ONNX Runtime 1.31, whose providers are linked
    /// with CUDA 13, cuDNN 9 and TensorRT 10.
    #[must_use]
    pub fn needs(self) -> &'static str {
        match self {
            Device::Cpu => "`pip install onnxruntime==1.31.1`",
            Device::Cuda => {
                "a driver for CUDA 13 (580 or newer) and `pip install 'onnxruntime-gpu[cuda,cudnn]==1.31.1'` \
                 in place of onnxruntime"
            }
            Device::TensorRt => {
                "a driver for CUDA 13 (580 or newer) and `pip install 'onnxruntime-gpu[cuda,cudnn]==1.31.1' \
                 'tensorrt-cu13<11'` in place of onnxruntime"
            }
        }
    }

    /// The provider with its settings; `place` is where TensorRT keeps what it builds.
    pub(super) fn dispatch(self, place: Option<&tensorrt::Place>) -> ExecutionProviderDispatch {
        let provider = match self {
            Device::Cpu => CPU::default().with_arena_allocator(true).build(),
            Device::Cuda => CUDA::default().with_device_id(0).with_tf32(false).build(),
            Device::TensorRt => tensorrt::provider(place).build(),
        };
        provider.error_on_failure()
    }

    /// Memory that inputs and outputs are exchanged through: pinned where a card reads it, so that it is copied
    /// without a detour.
    pub(super) fn staging(self, session: &Session) -> ort::Result<Allocator> {
        if self == Device::Cpu {
            return Ok(Allocator::default());
        }
        let pinned = AllocationDevice::CUDA_PINNED;
        Allocator::new(session, MemoryInfo::new(pinned, 0, AllocatorType::Device, MemoryType::CPUInput)?)
    }

    /// A provider that does not start, with what it needs.
    pub(super) fn failed(self, library: &Library, reason: impl fmt::Display) -> EngineError {
        EngineError::Provider { device: self, path: library.path.clone(), reason: words(&reason.to_string()) }
    }
}

/// The library's words without where in its source they were said: `FILE FUNCTION [ONNXRuntimeError] : 1 : FAIL : WORDS`.
fn words(reason: &str) -> String {
    let first = reason.lines().next().unwrap_or_default();
    let said = first.rsplit_once("[ONNXRuntimeError] : ").and_then(|(_, status)| status.splitn(3, " : ").nth(2));
    said.unwrap_or(first).trim().to_owned()
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
            Device::TensorRt => "tensorrt",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn reasons_lose_their_place_in_the_source() {
        let long = "/src/a.cc:20 onnxruntime::Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load x : no file\nstack";
        assert_eq!(words(long), "Failed to load x : no file");
        assert_eq!(words("CUDA failure 35: driver"), "CUDA failure 35: driver");
    }
}
