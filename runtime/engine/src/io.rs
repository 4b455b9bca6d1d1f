use crate::EngineError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The one symbol a shape may hold: the batch, chosen when a graph is loaded.
pub const BATCH: &str = "batch";

/// Most elements of one input or output; bounds what a hostile bundle can make an engine allocate.
pub const MAX_ELEMENTS: usize = 1 << 28;

/// Inputs and output of one graph, as written in `bundle.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraphIo {
    /// In the order in which [`Session::run`](crate::Session::run) takes them.
    pub inputs: Vec<Port>,
    /// The only output; always float32.
    pub output: Port,
}

/// One named input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Name in the graph.
    pub name: String,
    /// Type of the elements.
    pub dtype: Dtype,
    /// Row-major, outermost first. Only the first may be [`BATCH`].
    pub shape: Vec<Dim>,
}

/// Element types that cross the boundary of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit signed integer.
    I32,
    /// IEEE 754 binary32.
    F32,
}

/// One dimension: a number, or [`BATCH`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dim {
    /// Known to the compiler.
    Fixed(usize),
    /// Chosen when the graph is loaded.
    Symbol(String),
}

/// The elements of one input, row-major, in the machine's byte order.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// For a port of [`Dtype::I32`].
    I32(&'a [i32]),
    /// For a port of [`Dtype::F32`].
    F32(&'a [f32]),
}

impl GraphIo {
    /// Whether the batch is chosen at loading.
    #[must_use]
    pub fn is_symbolic(&self) -> bool {
        self.ports().any(|port| matches!(port.shape.first(), Some(Dim::Symbol(_))))
    }

    /// Checks what the types cannot: names present and unique, dimensions in 1.., the symbol only as first
    /// dimension, at most [`MAX_ELEMENTS`] elements (batch 1), a float32 output.
    ///
    /// # Errors
    /// [`EngineError::BadIo`] names the port.
    pub fn check(&self) -> Result<(), EngineError> {
        self.fixed(1).map(|_| ())
    }

    /// The same with [`BATCH`] replaced by `batch`, which is not looked at where no dimension is a symbol.
    ///
    /// # Errors
    /// [`EngineError::BadIo`] names the port that no graph can have.
    pub fn fixed(&self, batch: usize) -> Result<GraphIo, EngineError> {
        let fixed = GraphIo {
            inputs: self.inputs.iter().map(|port| port.fixed(batch)).collect::<Result<_, _>>()?,
            output: self.output.fixed(batch)?,
        };
        if self.inputs.is_empty() {
            return Err(self.output.bad("the graph has no input"));
        }
        if self.output.dtype != Dtype::F32 {
            return Err(self.output.bad("the output must be f32"));
        }
        let mut names: Vec<&str> = self.ports().map(|port| port.name.as_str()).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(EngineError::BadIo { port: pair[0].into(), reason: "two ports have this name".into() }),
            None => Ok(fixed),
        }
    }

    /// Checks the arguments of [`Session::run`](crate::Session::run) against fixed shapes.
    pub(crate) fn check_run(&self, inputs: &[Input<'_>], out: &[f32]) -> Result<(), EngineError> {
        if inputs.len() != self.inputs.len() {
            return Err(EngineError::InputCount { expected: self.inputs.len(), found: inputs.len() });
        }
        for (port, input) in self.inputs.iter().zip(inputs) {
            port.check_input(input)?;
        }
        let expected = self.output.elements().unwrap_or(0);
        if out.len() != expected {
            let shape = self.output.shape_text();
            return Err(EngineError::OutputLength {
                name: self.output.name.clone(),
                shape,
                expected,
                found: out.len(),
            });
        }
        Ok(())
    }

    fn ports(&self) -> impl Iterator<Item = &Port> {
        self.inputs.iter().chain([&self.output])
    }
}

impl Port {
    /// Shape as numbers; `None` while a dimension is a symbol.
    #[must_use]
    pub fn dims(&self) -> Option<Vec<usize>> {
        self.shape.iter().map(Dim::value).collect()
    }

    /// Number of elements; `None` while a dimension is a symbol or where the product overflows.
    #[must_use]
    pub fn elements(&self) -> Option<usize> {
        self.dims()?.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim))
    }

    /// For messages: `[batch, 144]`.
    pub(crate) fn shape_text(&self) -> String {
        let dims: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        format!("[{}]", dims.join(", "))
    }

    fn fixed(&self, batch: usize) -> Result<Port, EngineError> {
        if self.name.is_empty() {
            return Err(self.bad("the name is empty"));
        }
        let mut shape = Vec::with_capacity(self.shape.len());
        for (axis, dim) in self.shape.iter().enumerate() {
            shape.push(match dim {
                Dim::Fixed(0) => return Err(self.bad(format!("dimension {axis} is 0"))),
                Dim::Fixed(size) => Dim::Fixed(*size),
                Dim::Symbol(symbol) if symbol == BATCH && axis == 0 => {
                    if batch == 0 {
                        return Err(self.bad("the batch asked for is 0"));
                    }
                    Dim::Fixed(batch)
                }
                Dim::Symbol(symbol) => {
                    let reason = format!("dimension {axis} is '{symbol}'; only dimension 0 may be '{BATCH}'");
                    return Err(self.bad(reason));
                }
            });
        }
        let port = Port { name: self.name.clone(), dtype: self.dtype, shape };
        if port.shape.is_empty() {
            return Err(self.bad("the shape is empty"));
        }
        match port.elements() {
            Some(elements) if elements <= MAX_ELEMENTS => Ok(port),
            _ => Err(self.bad(format!("shape {} has more than {MAX_ELEMENTS} elements", port.shape_text()))),
        }
    }

    fn check_input(&self, input: &Input<'_>) -> Result<(), EngineError> {
        if input.dtype() != self.dtype {
            return Err(EngineError::InputType { name: self.name.clone(), expected: self.dtype, found: input.dtype() });
        }
        let expected = self.elements().unwrap_or(0);
        if input.len() != expected {
            let shape = self.shape_text();
            return Err(EngineError::InputLength { name: self.name.clone(), shape, expected, found: input.len() });
        }
        Ok(())
    }

    fn bad(&self, reason: impl Into<String>) -> EngineError {
        EngineError::BadIo { port: self.name.clone(), reason: reason.into() }
    }
}

impl Dim {
    /// The number; `None` for a symbol.
    #[must_use]
    pub fn value(&self) -> Option<usize> {
        match self {
            Dim::Fixed(size) => Some(*size),
            Dim::Symbol(_) => None,
        }
    }

    /// [`BATCH`] as a dimension.
    #[must_use]
    pub fn batch() -> Self {
        Dim::Symbol(BATCH.into())
    }
}

impl Input<'_> {
    /// Type of the elements.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        match self {
            Input::I32(_) => Dtype::I32,
            Input::F32(_) => Dtype::F32,
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Input::I32(values) => values.len(),
            Input::F32(values) => values.len(),
        }
    }

    /// Whether there is no element.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dim::Fixed(size) => write!(f, "{size}"),
            Dim::Symbol(symbol) => f.write_str(symbol),
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::I32 => "i32",
            Dtype::F32 => "f32",
        })
    }
}
