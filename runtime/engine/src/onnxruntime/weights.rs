use ort::session::builder::{PrepackedWeights, SessionBuilder};
use ort::value::{DynValue, Tensor};
use std::sync::Arc;
use tract_onnx::pb::{ModelProto, TensorProto, tensor_proto::DataType};

/// Smaller weights are left to each session: shapes, axes and biases, which optimisers want to see.
const SHARED_BYTES: usize = 16 << 10;

/// One copy of a graph's large weights for several sessions. ONNX Runtime packs a weight for its kernels once for all
/// sessions only where the weight was given to it this way.
pub(super) struct Weights {
    named: Vec<(String, Arc<DynValue>)>,
    packed: PrepackedWeights,
}

impl Weights {
    pub(super) fn of(model: &ModelProto) -> ort::Result<Self> {
        let tensors = model.graph.iter().flat_map(|graph| &graph.initializer);
        let large = tensors.filter(|tensor| tensor.raw_data.len() >= SHARED_BYTES);
        let mut named = Vec::new();
        for tensor in large {
            if let Some(value) = value(tensor)? {
                named.push((tensor.name.clone(), Arc::new(value)));
            }
        }
        Ok(Weights { named, packed: PrepackedWeights::new() })
    }

    /// The builder of a session that takes these in place of the graph's own.
    pub(super) fn give(&self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        let mut builder = builder.with_prepacked_weights(&self.packed)?;
        for (name, value) in &self.named {
            builder = builder.with_initializer(name, value.clone())?;
        }
        Ok(builder)
    }
}

/// `None` for types that are not shared, and for data that is not as long as its shape.
fn value(tensor: &TensorProto) -> ort::Result<Option<DynValue>> {
    let (shape, raw) = (&tensor.dims, &tensor.raw_data);
    let elements = shape.iter().try_fold(1_usize, |product, &dim| product.checked_mul(usize::try_from(dim).ok()?));
    let fits = |size: usize| elements.and_then(|count| count.checked_mul(size)) == Some(raw.len());
    Ok(match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) if fits(4) => {
            let values = raw.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect::<Vec<_>>();
            Some(Tensor::from_array((shape.clone(), values))?.into_dyn())
        }
        Ok(DataType::Int8) if fits(1) => {
            let values = raw.iter().map(|&byte| i8::from_le_bytes([byte])).collect::<Vec<_>>();
            Some(Tensor::from_array((shape.clone(), values))?.into_dyn())
        }
        _ => None,
    })
}
