use crate::ConfigError;
use tempest_blocks::Kind;
use tempest_contract::{Codec, Contract, ViewKind};

/// Which columns of a numeric view's row are numbers and which are categories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Columns that are numbers, ascending.
    pub numbers: Vec<usize>,
    /// How many of the first numbers the encoder also reads squared: of MP3 and Opus those of the view `fields`, for those
    /// of bands are logarithms already; of JPEG all.
    pub squared: usize,
    /// Columns that are categories, ascending.
    pub categories: Vec<usize>,
    /// First row of each category in `category.table`.
    pub offsets: Vec<usize>,
    /// Number of values of each category.
    pub cardinalities: Vec<usize>,
}

impl Columns {
    /// The columns of the contract's view for its media. The view `bytes` has none.
    ///
    /// # Errors
    /// A row length or layout version that `tempest-blocks` of this build does not write.
    pub fn of(contract: &Contract) -> Result<Self, ConfigError> {
        let (view, codec) = (&contract.view, &contract.codec);
        let layout = view.kind.layout(codec);
        if layout != Some(view.layout) {
            let reason = format!("{} is not layout {} of this build", view.layout, layout.unwrap_or_default());
            return Err(ConfigError { field: "view.layout", reason });
        }
        let Some(kinds) = view.kind.columns(codec) else { return Ok(Columns::default()) };
        if view.row != kinds.len() {
            let reason = format!("{} columns, but {} make {}", view.row, contract.media(), kinds.len());
            return Err(ConfigError { field: "view.row", reason });
        }
        let squared = match codec {
            Codec::Mp3(_) | Codec::OggOpus(_) => ViewKind::Fields.columns(codec).map_or(0, |fields| fields.len()),
            Codec::Jpeg(_) => kinds.len(),
        };
        let mut columns = Columns::default();
        for (index, column) in kinds.iter().enumerate() {
            columns.add(index, column.kind);
            if index + 1 == squared {
                columns.squared = columns.numbers.len();
            }
        }
        Ok(columns)
    }

    fn add(&mut self, index: usize, kind: Kind) {
        match kind {
            Kind::Number => self.numbers.push(index),
            Kind::Category(cardinality) => {
                self.offsets.push(self.total_cardinality());
                self.categories.push(index);
                self.cardinalities.push(usize::from(cardinality));
            }
        }
    }

    /// Rows of `category.table`.
    #[must_use]
    pub fn total_cardinality(&self) -> usize {
        self.cardinalities.iter().sum()
    }
}
