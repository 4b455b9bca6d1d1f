use super::{Dim, Dtype, Fact, Graph, Op, broadcast, volume};
use thiserror::Error;

/// Why an op cannot take its inputs.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InferError {
    /// Too many or too few inputs.
    #[error("{op} takes {expected} inputs, found {found}")]
    Arity {
        /// The op.
        op: &'static str,
        /// What it takes.
        expected: usize,
        /// What it was given.
        found: usize,
    },
    /// Types or shapes that do not fit the op or each other.
    #[error("{op} cannot take ({facts}): {reason}")]
    Operands {
        /// The op, with its fields.
        op: String,
        /// The facts it was given.
        facts: String,
        /// What is wrong with them.
        reason: &'static str,
    },
}

/// The fact of the op's output, from those of its inputs.
///
/// # Errors
/// [`InferError`] where the op does not accept them.
pub fn infer(op: &Op, inputs: &[&Fact]) -> Result<Fact, InferError> {
    let expected = op.arity().unwrap_or(inputs.len().max(1));
    if inputs.len() != expected {
        return Err(InferError::Arity { op: op.name(), expected, found: inputs.len() });
    }
    output(op, inputs).map_err(|reason| InferError::Operands {
        op: op.to_string(),
        facts: inputs.iter().map(|fact| fact.to_string()).collect::<Vec<_>>().join(", "),
        reason,
    })
}

type Inferred = Result<Fact, &'static str>;

fn output(op: &Op, inputs: &[&Fact]) -> Inferred {
    let first = inputs[0];
    match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Min | Op::Max => elementwise(first, inputs[1]),
        Op::Equal | Op::Less => Ok(Fact { dtype: Dtype::Bool, ..elementwise(first, inputs[1])? }),
        Op::Where => choice(first, inputs[1], inputs[2]),
        Op::Erf | Op::Softmax => float(first).cloned(),
        Op::Cast { to } => Ok(Fact { dtype: *to, shape: first.shape.clone() }),
        Op::MatMul => matmul(first, inputs[1]),
        Op::Quantize => quantize(first, inputs[1], inputs[2]),
        Op::Dequantize { axis } => dequantize(first, inputs[1], inputs[2], *axis),
        Op::QuantizedMatMul => quantized(first, inputs[1], inputs[2]),
        Op::LayerNormalization { .. } => normalisation(first, inputs[1], inputs[2]),
        Op::Gather { axis } => gather(first, inputs[1], *axis),
        Op::Transpose { perm } => transpose(first, perm),
        Op::Reshape { shape } => reshape(first, shape),
        Op::Concat { axis } => concat(inputs, *axis),
        Op::Pad { axis, before } => pad(first, *axis, *before),
        Op::ReduceSum { axis } => reduce(first, *axis),
        Op::Scan { body } => scan(first, body),
    }
}

fn elementwise(left: &Fact, right: &Fact) -> Inferred {
    if left.dtype != right.dtype || left.dtype == Dtype::Bool {
        return Err("needs two numeric inputs of one type");
    }
    let shape = broadcast(&left.shape, &right.shape).ok_or("shapes do not broadcast")?;
    Ok(Fact { dtype: left.dtype, shape })
}

fn choice(condition: &Fact, yes: &Fact, no: &Fact) -> Inferred {
    if condition.dtype != Dtype::Bool {
        return Err("the condition must be bool");
    }
    let both = elementwise(yes, no)?;
    let shape = broadcast(&condition.shape, &both.shape).ok_or("shapes do not broadcast")?;
    Ok(Fact { shape, ..both })
}

fn float(fact: &Fact) -> Result<&Fact, &'static str> {
    match (fact.dtype, fact.shape.is_empty()) {
        (Dtype::F32, false) => Ok(fact),
        _ => Err("needs floats of rank 1 or more"),
    }
}

fn matmul(left: &Fact, right: &Fact) -> Inferred {
    if left.dtype != right.dtype || !matches!(left.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) {
        return Err("needs floats of one type");
    }
    let ([outer_left @ .., rows, inner], [outer_right @ .., depth, columns]) = (&*left.shape, &*right.shape) else {
        return Err("needs matrices");
    };
    if inner != depth {
        return Err("inner sizes differ");
    }
    let mut shape = broadcast(outer_left, outer_right).ok_or("outer shapes do not broadcast")?;
    shape.extend([*rows, *columns]);
    Ok(Fact { dtype: left.dtype, shape })
}

fn quantized(x: &Fact, weights: &Fact, scales: &Fact) -> Inferred {
    let ([.., inner], [depth, columns]) = (&*float(x)?.shape, &*weights.shape) else {
        return Err("needs matrices");
    };
    if weights.dtype != Dtype::I8 || float(scales)?.shape != [*columns] {
        return Err("needs int8 weights and one scale for each column");
    }
    if inner != depth || x.shape.len() < 2 {
        return Err("inner sizes differ");
    }
    let mut product = x.clone();
    product.shape[x.shape.len() - 1] = *columns;
    Ok(product)
}

fn quantize(x: &Fact, scale: &Fact, zero: &Fact) -> Inferred {
    let steps = (scale.dtype, &*scale.shape, zero.dtype, &*zero.shape);
    match (float(x)?, steps) {
        (x, (Dtype::F32, [], Dtype::I8, [])) => Ok(Fact { dtype: Dtype::I8, ..x.clone() }),
        _ => Err("needs a float as scale and an int8 as zero point"),
    }
}

fn dequantize(x: &Fact, scale: &Fact, zero: &Fact, axis: Option<usize>) -> Inferred {
    let expected: Vec<Dim> = axis.and_then(|axis| x.shape.get(axis)).copied().into_iter().collect();
    let one_each = axis.is_none_or(|axis| axis < x.shape.len()) && scale.shape == expected && zero.shape == expected;
    if (x.dtype, scale.dtype, zero.dtype) != (Dtype::I8, Dtype::F32, Dtype::I8) || !one_each {
        return Err("needs int8, and a scale and a zero point for all or for each element of the axis");
    }
    Ok(Fact { dtype: Dtype::F32, ..x.clone() })
}

fn normalisation(x: &Fact, scale: &Fact, bias: &Fact) -> Inferred {
    let last = &float(x)?.shape[x.shape.len() - 1..];
    if float(scale)?.shape != last || float(bias)?.shape != last {
        return Err("scale and bias must be as long as the last axis");
    }
    Ok(x.clone())
}

fn gather(data: &Fact, indices: &Fact, axis: usize) -> Inferred {
    if indices.dtype != Dtype::I32 || axis >= data.shape.len() {
        return Err("needs int32 indices and an axis of the data");
    }
    let shape = [&data.shape[..axis], &indices.shape, &data.shape[axis + 1..]].concat();
    Ok(Fact { dtype: data.dtype, shape })
}

fn transpose(x: &Fact, perm: &[usize]) -> Inferred {
    let mut sorted = perm.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.shape.len()) {
        return Err("perm must name every axis once");
    }
    Ok(Fact { dtype: x.dtype, shape: perm.iter().map(|&axis| x.shape[axis]).collect() })
}

fn reshape(x: &Fact, shape: &[Dim]) -> Inferred {
    if volume(&x.shape) != volume(shape) {
        return Err("the number of elements changes");
    }
    if shape.iter().filter(|dim| matches!(dim, Dim::Batch(_))).count() > 1 {
        return Err("only one axis may be symbolic");
    }
    Ok(Fact { dtype: x.dtype, shape: shape.to_vec() })
}

fn concat(inputs: &[&Fact], axis: usize) -> Inferred {
    let mut joined = inputs[0].clone();
    for next in &inputs[1..] {
        let (Some(Dim::Fixed(size)), Some(Dim::Fixed(more))) = (joined.shape.get(axis), next.shape.get(axis)) else {
            return Err("the joined axis must exist and be known");
        };
        let total = Dim::Fixed(size + more);
        joined.shape[axis] = next.shape[axis];
        if joined != **next {
            return Err("types and other axes must be equal");
        }
        joined.shape[axis] = total;
    }
    Ok(joined)
}

fn pad(x: &Fact, axis: usize, before: usize) -> Inferred {
    let mut padded = x.clone();
    match padded.shape.get_mut(axis) {
        Some(Dim::Fixed(size)) => *size += before,
        _ => return Err("the padded axis must exist and be known"),
    }
    Ok(padded)
}

fn scan(x: &Fact, body: &Graph) -> Inferred {
    let fact = |id| body.value(id).map(|value| &value.fact);
    let ([input], Some(output)) = (&*body.inputs, fact(body.output)) else {
        return Err("the body must have one input and an output");
    };
    let Some((count, element)) = x.shape.split_first() else { return Err("needs an axis to scan") };
    if fact(*input) != Some(&Fact::new(x.dtype, element.to_vec())) {
        return Err("an element must be what the body takes");
    }
    let mut shape = vec![*count];
    shape.extend(&output.shape);
    Ok(Fact { dtype: output.dtype, shape })
}

fn reduce(x: &Fact, axis: usize) -> Inferred {
    if axis >= float(x)?.shape.len() {
        return Err("the axis does not exist");
    }
    let mut reduced = x.clone();
    reduced.shape.remove(axis);
    Ok(reduced)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;

    fn f32s(shape: &[Dim]) -> Fact {
        Fact::new(Dtype::F32, shape.to_vec())
    }

    #[test]
    fn matmul_keeps_the_batch_and_names_what_does_not_fit() {
        let (batch, x, y) = (Dim::Batch(1), Dim::Fixed(2), Dim::Fixed(3));
        let product = infer(&Op::MatMul, &[&f32s(&[batch, x, y]), &f32s(&[y, x])]).unwrap();
        assert_eq!(product.to_string(), "f32[batch,2,2]");
        let error = infer(&Op::MatMul, &[&f32s(&[x, y]), &f32s(&[x, y])]).unwrap_err().to_string();
        assert_eq!(error, "MatMul cannot take (f32[2,3], f32[2,3]): inner sizes differ");
        let error = infer(&Op::MatMul, &[&f32s(&[x, y])]).unwrap_err().to_string();
        assert_eq!(error, "MatMul takes 2 inputs, found 1");
    }

    #[test]
    fn what_is_quantised_keeps_its_shape() {
        let (scale, zero) = (Fact::fixed(Dtype::F32, &[]), Fact::fixed(Dtype::I8, &[]));
        let x = f32s(&[Dim::Batch(1), Dim::Fixed(3)]);
        let short = infer(&Op::Quantize, &[&x, &scale, &zero]).unwrap();
        assert_eq!(short.to_string(), "i8[batch,3]");
        assert_eq!(infer(&Op::Dequantize { axis: None }, &[&short, &scale, &zero]), Ok(x.clone()));
        let (scales, zeros) = (Fact::fixed(Dtype::F32, &[3]), Fact::fixed(Dtype::I8, &[3]));
        assert_eq!(infer(&Op::Dequantize { axis: Some(1) }, &[&short, &scales, &zeros]), Ok(x.clone()));
        assert!(infer(&Op::Dequantize { axis: Some(0) }, &[&short, &scales, &zeros]).is_err());
        assert!(infer(&Op::Dequantize { axis: Some(2) }, &[&short, &scales, &zeros]).is_err());
        assert!(infer(&Op::Quantize, &[&short, &scale, &zero]).is_err());
    }

    #[test]
    fn concat_adds_sizes() {
        let fact = |n| f32s(&[Dim::Batch(1), Dim::Fixed(n)]);
        let joined = infer(&Op::Concat { axis: 1 }, &[&fact(2), &fact(3), &fact(4)]).unwrap();
        assert_eq!(joined, fact(9));
        assert!(infer(&Op::Concat { axis: 0 }, &[&fact(2), &fact(2)]).is_err());
    }
}
