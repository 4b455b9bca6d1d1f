use serde::{Serialize, Serializer};
use std::fmt;
use tempest_engine::GraphName;

/// One graph of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GraphId {
    /// One that every bundle has.
    Graph(GraphName),
    /// View `bytes`: the encoder of blocks of at most so many bytes.
    Bucket(usize),
}

impl GraphId {
    /// What it is: a bucket is an encoder.
    #[must_use]
    pub fn name(self) -> GraphName {
        match self {
            GraphId::Graph(name) => name,
            GraphId::Bucket(_) => GraphName::Encoder,
        }
    }
}

impl From<GraphName> for GraphId {
    fn from(name: GraphName) -> Self {
        GraphId::Graph(name)
    }
}

/// `encoder`, `encoder-64`.
impl fmt::Display for GraphId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GraphId::Graph(name) => name.fmt(f),
            GraphId::Bucket(row) => write!(f, "{}-{row}", self.name()),
        }
    }
}

impl Serialize for GraphId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
