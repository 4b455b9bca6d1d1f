use crate::command::answer;
use serde::Serialize;
use std::process::Command;
use std::time::Duration;

/// How long the driver's tool may take. It loads the driver where nothing has it loaded, which takes seconds.
const LIMIT: Duration = Duration::from_secs(10);

/// One card of NVIDIA, in the words of its driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// `NVIDIA H200`.
    pub name: String,
    /// Version of the driver, `580.95.05`.
    pub driver: String,
    /// Memory with its unit, `143771 MiB`.
    pub memory: String,
    /// Compute capability, `9.0`.
    pub compute: String,
}

impl Gpu {
    /// The cards of this machine, in the driver's order, asked of `nvidia-smi`.
    ///
    /// # Errors
    /// Why there is no answer, in one line: no such program, no driver, or none within ten seconds.
    pub fn all() -> Result<Vec<Gpu>, String> {
        const QUERY: &str = "--query-gpu=name,driver_version,memory.total,compute_cap";
        answer(Command::new("nvidia-smi").args([QUERY, "--format=csv,noheader"]), LIMIT).map(|text| parse(&text))
    }
}

fn parse(text: &str) -> Vec<Gpu> {
    let card = |line: &str| {
        let mut fields = line.split(',').map(|field| field.trim().to_owned());
        let gpu = Gpu { name: fields.next()?, driver: fields.next()?, memory: fields.next()?, compute: fields.next()? };
        fields.next().is_none().then_some(gpu)
    };
    text.lines().filter_map(card).collect()
}

#[cfg(test)]
mod tests {
    use super::{Gpu, parse};

    #[test]
    fn cards_are_lines() {
        let text = "NVIDIA H200, 580.95.05, 143771 MiB, 9.0\nTesla T4, 535.1, 15360 MiB, 7.5\nNo devices were found\n";
        let card = |[name, driver, memory, compute]: [&str; 4]| Gpu {
            name: name.into(),
            driver: driver.into(),
            memory: memory.into(),
            compute: compute.into(),
        };
        let expected =
            [card(["NVIDIA H200", "580.95.05", "143771 MiB", "9.0"]), card(["Tesla T4", "535.1", "15360 MiB", "7.5"])];
        assert_eq!(parse(text), expected);
    }
}
