use super::device::Device;
use super::library::Started;
use super::probe;
use super::tensorrt::Place;
use super::weights::Weights;
use crate::io::BATCH;
use crate::{Dtype, EngineError, GraphIo, Input, LoadOptions, Port, Session};
use ort::memory::Allocator;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{IoBinding, Session as OrtSession};
use ort::value::Tensor;
use tract_onnx::pb::ModelProto;

/// One graph to be loaded, already inspected.
pub(super) struct Task<'a> {
    pub(super) started: &'a Started,
    pub(super) device: Device,
    pub(super) graph: &'a [u8],
    pub(super) model: &'a ModelProto,
    pub(super) options: &'a LoadOptions,
}

/// `count` sessions; `io` has no symbols.
pub(super) fn load(task: &Task<'_>, io: &GraphIo, count: usize) -> Result<Vec<Box<dyn Session>>, EngineError> {
    let place = match task.device {
        Device::TensorRt => Some(Place::of(task, io)?),
        _ => None,
    };
    // On a card every session has its own copy in the card's memory.
    let shared = (count > 1 && task.device == Device::Cpu).then(|| Weights::of(task.model)).transpose();
    let shared = shared.map_err(|error| task.failed(&error))?;
    let mut sessions: Vec<Box<dyn Session>> = Vec::with_capacity(count);
    for _ in 0..count {
        let session = task.session(place.as_ref(), shared.as_ref())?;
        let bound = Bound::new(task.device, session, io.clone()).map_err(|error| task.failed(&error))?;
        sessions.push(Box::new(bound));
    }
    probe::trim();
    Ok(sessions)
}

impl Task<'_> {
    fn session(&self, place: Option<&Place>, shared: Option<&Weights>) -> Result<OrtSession, EngineError> {
        let builder = self.options().map_err(|error| self.failed(&error))?;
        let provider = self.device.dispatch(place);
        let builder = builder.with_execution_providers([provider]);
        let mut builder = builder.map_err(|error| self.device.failed(&self.started.library, error))?;
        if let Some(shared) = shared {
            builder = shared.give(builder).map_err(|error| self.failed(&error))?;
        }
        if self.device != Device::Cpu {
            builder = builder.with_disable_cpu_fallback().map_err(|error| self.failed(&error))?;
        }
        match place {
            Some(place) => place.build(|path| builder.commit_from_file(path)),
            None => builder.commit_from_memory(self.graph),
        }
        .map_err(|error| self.failed(&error))
    }

    /// Threads sleep between runs: an idle server must not burn a core.
    fn options(&self) -> ort::Result<SessionBuilder> {
        let batch = i64::try_from(self.options.batch).unwrap_or(i64::MAX);
        Ok(OrtSession::builder(&self.started.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(self.options.threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_dimension_override(BATCH, batch)?)
    }

    fn failed<R>(&self, error: &ort::Error<R>) -> EngineError {
        EngineError::Load { engine: self.device.engine(), step: "load", reason: error.to_string() }
    }
}

/// A session whose inputs and output lie in buffers of their own from the start: a run copies into them and out.
struct Bound {
    device: Device,
    io: GraphIo,
    inputs: Vec<Buffer>,
    output: Tensor<f32>,
    binding: IoBinding,
    // After what was made by its allocator: fields are dropped in order.
    session: OrtSession,
}

enum Buffer {
    I32(Tensor<i32>),
    F32(Tensor<f32>),
}

impl Bound {
    fn new(device: Device, session: OrtSession, io: GraphIo) -> ort::Result<Self> {
        let allocator = device.staging(&session)?;
        let inputs = io.inputs.iter().map(|port| Buffer::new(&allocator, port)).collect::<ort::Result<Vec<_>>>()?;
        let mut output = Tensor::new(&allocator, shape(&io.output))?;
        let mut binding = session.create_binding()?;
        binding.bind_output(io.output.name.as_str(), &mut output)?;
        let mut bound = Bound { device, io, inputs, output, binding, session };
        bound.bind_inputs()?;
        Ok(bound)
    }

    /// On a card this is the copy to it, which the binding makes once for each call.
    fn bind_inputs(&mut self) -> ort::Result<()> {
        for (port, buffer) in self.io.inputs.iter().zip(&self.inputs) {
            match buffer {
                Buffer::I32(tensor) => self.binding.bind_input(port.name.as_str(), tensor)?,
                Buffer::F32(tensor) => self.binding.bind_input(port.name.as_str(), tensor)?,
            }
        }
        Ok(())
    }

    fn run_bound(&mut self, inputs: &[Input<'_>], out: &mut [f32]) -> ort::Result<()> {
        for (buffer, input) in self.inputs.iter_mut().zip(inputs) {
            buffer.fill(input)?;
        }
        if self.device != Device::Cpu {
            self.bind_inputs()?;
            self.binding.synchronize_inputs()?;
        }
        drop(self.session.run_binding(&self.binding)?);
        if self.device != Device::Cpu {
            self.binding.synchronize_outputs()?;
        }
        // As long as `out`: both were made for the same port, and the library refuses a result of another shape.
        out.copy_from_slice(self.output.try_extract_tensor()?.1);
        Ok(())
    }
}

impl Session for Bound {
    fn io(&self) -> &GraphIo {
        &self.io
    }

    fn run(&mut self, inputs: &[Input<'_>], out: &mut [f32]) -> Result<(), EngineError> {
        self.io.check_run(inputs, out)?;
        let engine = self.device.engine();
        self.run_bound(inputs, out).map_err(|error| EngineError::Run { engine, reason: error.to_string() })
    }
}

impl Buffer {
    fn new(allocator: &Allocator, port: &Port) -> ort::Result<Self> {
        Ok(match port.dtype {
            Dtype::I32 => Buffer::I32(Tensor::new(allocator, shape(port))?),
            Dtype::F32 => Buffer::F32(Tensor::new(allocator, shape(port))?),
        })
    }

    /// Type and length are the port's: `check_run` has seen them.
    fn fill(&mut self, input: &Input<'_>) -> ort::Result<()> {
        match (self, input) {
            (Buffer::I32(tensor), Input::I32(values)) => tensor.try_extract_tensor_mut()?.1.copy_from_slice(values),
            (Buffer::F32(tensor), Input::F32(values)) => tensor.try_extract_tensor_mut()?.1.copy_from_slice(values),
            _ => return Err(ort::Error::new("an input of another type than its port")),
        }
        Ok(())
    }
}

fn shape(port: &Port) -> Vec<usize> {
    port.dims().unwrap_or_default()
}
