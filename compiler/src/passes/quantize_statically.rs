use super::adder::Adder;
use super::quantize_products::{is_wide, rounded};
use super::{Changed, Pass, RewriteError};
use crate::calibrate::Ranges;
use crate::ir::{Constant, Graph, Op};

/// `x W -> dequantize(quantize(x)) dequantize(W')`: both operands of a linear layer stand in 8 bits, zero points are 0.
///
/// TensorRT makes one product in integers of each such pair; an engine that does not computes the same in float32. W has
/// one scale for each column, x one for all, the largest magnitude that calibration found divided by 127. On our graphs: the
/// layers that [`QuantizeProducts`](super::QuantizeProducts) takes. Only for precision `int8` where the target quantises statically.
///
/// Precondition: as there, and x was seen in calibration. Tolerance: none that holds for every input; what it does to answers
/// is measured by the proof.
pub struct QuantizeStatically {
    /// Largest magnitude of what each product multiplies.
    pub ranges: Ranges,
}

impl Pass for QuantizeStatically {
    fn name(&self) -> &'static str {
        "QuantizeStatically"
    }

    fn run(&self, graph: &mut Graph) -> Result<Changed, RewriteError> {
        let mut quantized = 0;
        let names: Vec<String> = graph.nodes.iter().map(|node| node.name.clone()).collect();
        for name in names {
            quantized += usize::from(self.quantize(graph, &name)?);
        }
        Ok(Changed(quantized))
    }
}

impl QuantizeStatically {
    /// Whether the node was a product of this kind.
    fn quantize(&self, graph: &mut Graph, name: &str) -> Result<bool, RewriteError> {
        let Some(node) = graph.nodes.iter().find(|node| node.name == name) else { return Ok(false) };
        let (Some(largest), [x, weights], true) = (self.ranges.get(name), &*node.inputs, is_wide(graph, node)) else {
            return Ok(false);
        };
        let (x, Some((integers, scales))) = (*x, graph.constant(*weights).and_then(rounded)) else { return Ok(false) };
        let step = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        let zeros = Constant::i8(&[scales.len()], vec![0; scales.len()]);
        let (Some(zero), Some(zeros)) = (Constant::i8(&[], vec![0]), zeros) else { return Ok(false) };

        let mut add = Adder::before(graph, name, "quantized");
        let step = add.constant("scale", Constant::scalar(step));
        let zero = add.constant("zero_point", zero);
        let integers = add.constant("weights", integers);
        let scales = add.constant("weights/scales", Constant::floats(scales));
        let zeros = add.constant("weights/zero_points", zeros);
        let short = add.node("x", Op::Quantize, &[x, step, zero])?;
        let x = add.node("x/float", Op::Dequantize { axis: None }, &[short, step, zero])?;
        let weights = add.node("weights/float", Op::Dequantize { axis: Some(1) }, &[integers, scales, zeros])?;
        if let Some(node) = graph.nodes.iter_mut().find(|node| node.name == name) {
            node.inputs = vec![x, weights];
        }
        Ok(true)
    }
}
