use super::{Constant, Data, Dim, Op};

/// Computes a node whose inputs are all constant, or `None` where this op or type is not computed at compile time.
///
/// Covers what the passes leave on weights: arithmetic of floats, `Transpose`, `Reshape`, `Concat`, `Cast` to floats of 16 bits.
#[must_use]
pub fn evaluate(op: &Op, inputs: &[&Constant]) -> Option<Constant> {
    match (op, inputs) {
        (Op::Add, [a, b]) => arithmetic(a, b, |x, y| x + y),
        (Op::Sub, [a, b]) => arithmetic(a, b, |x, y| x - y),
        (Op::Mul, [a, b]) => arithmetic(a, b, |x, y| x * y),
        (Op::Div, [a, b]) => arithmetic(a, b, |x, y| x / y),
        (Op::Transpose { perm }, [x]) => transpose(x, perm),
        (Op::Reshape { shape }, [x]) => reshape(x, shape),
        (Op::Concat { axis }, inputs) => concat(inputs, *axis),
        (Op::Cast { to }, [x]) => x.to_half(*to),
        _ => None,
    }
}

fn arithmetic(left: &Constant, right: &Constant, compute: fn(f32, f32) -> f32) -> Option<Constant> {
    let fact = super::infer(&Op::Add, &[&left.fact(), &right.fact()]).ok()?;
    let shape = fact.sizes()?;
    let (from_left, from_right) = (broadcast_strides(left.shape(), &shape), broadcast_strides(right.shape(), &shape));
    let (left, right) = (left.as_f32()?, right.as_f32()?);
    let data: Vec<f32> = offsets(&shape, &from_left)
        .zip(offsets(&shape, &from_right))
        .map(|(one, other)| compute(left[one], right[other]))
        .collect();
    Constant::f32(&shape, data)
}

fn transpose(x: &Constant, perm: &[usize]) -> Option<Constant> {
    let strides = strides(x.shape());
    let shape: Vec<usize> = perm.iter().map(|&axis| x.shape()[axis]).collect();
    let moved: Vec<usize> = perm.iter().map(|&axis| strides[axis]).collect();
    let data = x.as_f32()?;
    Constant::f32(&shape, offsets(&shape, &moved).map(|offset| data[offset]).collect::<Vec<_>>())
}

fn reshape(x: &Constant, shape: &[Dim]) -> Option<Constant> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => Some(*size),
        Dim::Batch(_) => None,
    };
    let shape: Vec<usize> = shape.iter().map(size).collect::<Option<_>>()?;
    match x.data() {
        Data::F32(data) => Constant::f32(&shape, data.clone()),
        _ => None,
    }
}

fn concat(inputs: &[&Constant], axis: usize) -> Option<Constant> {
    let mut shape = inputs.first()?.shape().to_vec();
    let rows: usize = shape[..axis].iter().product();
    shape[axis] = inputs.iter().map(|x| x.shape()[axis]).sum();
    let mut data = Vec::with_capacity(shape.iter().product());
    for row in 0..rows {
        for input in inputs {
            let width = input.len() / rows;
            data.extend_from_slice(&input.as_f32()?[row * width..][..width]);
        }
    }
    Constant::f32(&shape, data)
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Strides of `shape` seen as `target`: 0 along the axes that are repeated.
fn broadcast_strides(shape: &[usize], target: &[usize]) -> Vec<usize> {
    let missing = target.len() - shape.len();
    let own = strides(shape);
    let repeated = |axis: usize| axis < missing || shape[axis - missing] == 1;
    (0..target.len()).map(|axis| if repeated(axis) { 0 } else { own[axis - missing] }).collect()
}

/// Offsets of every element of `shape`, row-major, under the given strides.
fn offsets<'a>(shape: &'a [usize], strides: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    (0..shape.iter().product()).map(move |index: usize| {
        let mut rest = index;
        let mut offset = 0;
        for axis in (0..shape.len()).rev() {
            offset += rest % shape[axis] * strides[axis];
            rest /= shape[axis];
        }
        offset
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::*;

    #[test]
    fn computes_what_the_ops_say() {
        let x = Constant::f32(&[2, 3], [1., 2., 3., 4., 5., 6.]).unwrap();
        let y = Constant::f32(&[2, 1], [10., 20.]).unwrap();
        let sum = evaluate(&Op::Add, &[&x, &y]).unwrap();
        assert_eq!(sum.as_f32().unwrap(), [11., 12., 13., 24., 25., 26.]);
        let turned = evaluate(&Op::Transpose { perm: vec![1, 0] }, &[&x]).unwrap();
        assert_eq!((turned.shape(), turned.as_f32().unwrap()), (&[3, 2][..], &[1., 4., 2., 5., 3., 6.][..]));
        let joined = evaluate(&Op::Concat { axis: 1 }, &[&x, &y]).unwrap();
        assert_eq!(joined.as_f32().unwrap(), [1., 2., 3., 10., 4., 5., 6., 20.]);
        let flat = evaluate(&Op::Reshape { shape: vec![Dim::Fixed(6)] }, &[&x]).unwrap();
        assert_eq!(flat.shape(), [6]);
    }

    #[test]
    fn leaves_alone_what_it_does_not_compute() {
        let ids = Constant::ints(vec![1, 2]);
        assert!(evaluate(&Op::Add, &[&ids, &ids]).is_none());
        assert!(evaluate(&Op::Erf, &[&Constant::scalar(1.0)]).is_none());
    }
}
