use serde::Serialize;
use std::collections::BTreeMap;
use std::thread::available_parallelism;

/// The processor, as far as the kernels of the engines care.
#[derive(Debug, Serialize)]
pub(super) struct Cpu {
    /// As the system names it; absent where it does not.
    pub model: Option<String>,
    /// `x86_64`, `aarch64`.
    pub architecture: &'static str,
    /// Threads this process may run at once.
    pub cores: usize,
    /// What the kernels look for, and whether it is there.
    pub features: BTreeMap<&'static str, bool>,
}

impl Cpu {
    pub(super) fn here() -> Self {
        Self {
            model: std::fs::read_to_string("/proc/cpuinfo").ok().as_deref().and_then(model),
            architecture: std::env::consts::ARCH,
            cores: available_parallelism().map_or(1, usize::from),
            features: features(),
        }
    }

    /// The features that are there, or those that are not.
    pub(super) fn having(&self, there: bool) -> String {
        let names = self.features.iter().filter(|(_, found)| **found == there).map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(" ")
    }
}

/// Of x86 (`model name`) and of boards that name themselves (`Model`).
fn model(cpuinfo: &str) -> Option<String> {
    let value = |key: &str| {
        let named = |line: &str| Some(line.strip_prefix(key)?.trim_start().strip_prefix(':')?.trim().to_owned());
        cpuinfo.lines().find_map(named)
    };
    value("model name").or_else(|| value("Model"))
}

#[cfg(target_arch = "x86_64")]
fn features() -> BTreeMap<&'static str, bool> {
    use std::is_x86_feature_detected as has;
    [
        ("avx2", has!("avx2")),
        ("fma", has!("fma")),
        ("avx512f", has!("avx512f")),
        ("avx512vnni", has!("avx512vnni")),
        ("avx512bf16", has!("avx512bf16")),
        ("avxvnni", has!("avxvnni")),
    ]
    .into()
}

#[cfg(target_arch = "aarch64")]
fn features() -> BTreeMap<&'static str, bool> {
    use std::arch::is_aarch64_feature_detected as has;
    [
        ("neon", has!("neon")),
        ("dotprod", has!("dotprod")),
        ("fp16", has!("fp16")),
        ("i8mm", has!("i8mm")),
        ("bf16", has!("bf16")),
        ("sve", has!("sve")),
    ]
    .into()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn features() -> BTreeMap<&'static str, bool> {
    BTreeMap::new()
}

#[cfg(test)]
mod tests {
    use super::model;

    #[test]
    fn processors_name_themselves() {
        let x86 = "processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n";
        assert_eq!(model(x86).as_deref(), Some("AMD EPYC"));
        assert_eq!(model("processor\t: 0\n\nModel\t\t: Raspberry Pi 5\n").as_deref(), Some("Raspberry Pi 5"));
        assert_eq!(model("processor\t: 0\n"), None);
    }
}
