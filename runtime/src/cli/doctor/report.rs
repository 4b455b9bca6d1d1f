use super::cpu::Cpu;
use super::selftest::{SelfTest, Tested};
use anyhow::Result;
use serde::Serialize;
use std::fmt::{self, Display};
use std::path::PathBuf;
use tempest_engine::{ENGINES, Gpu, GpuLibrary, engine};

/// Everything that `tempest doctor` found; serialises to its JSON, displays as the page for people.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Of tempest.
    pub version: &'static str,
    /// Nothing required is missing, and no engine answers wrongly.
    pub ok: bool,
    /// One for each name that `--engine` takes but `auto`.
    pub engines: Vec<Found>,
    /// What `auto` is here.
    pub auto: Auto,
    /// Name of the model that the self-test asks.
    pub model: String,
    /// One for each engine that is here.
    pub self_test: Vec<Tested>,
    pub cpu: Cpu,
    pub gpu: Cards,
    /// What the GPU providers are linked with.
    pub libraries: Vec<GpuLibrary>,
    /// Engines asked for with `--require` that cannot be used.
    pub missing: Vec<&'static str>,
}

/// One engine.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub engine: &'static str,
    pub version: Option<String>,
    /// The library file; absent for what is built in.
    pub library: Option<PathBuf>,
    /// Execution providers of the library.
    pub providers: Vec<String>,
    /// What is missing, and the command that gets it.
    pub error: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Auto {
    pub engine: &'static str,
    pub why: Option<&'static str>,
}

/// The cards of NVIDIA and their driver.
#[derive(Debug, Serialize)]
pub(super) struct Cards {
    pub cards: Vec<Gpu>,
    /// The kernel's module, where it is loaded.
    pub driver: Option<String>,
    /// Why no card is listed.
    pub error: Option<String>,
}

impl Report {
    pub(super) fn of(required: &[String]) -> Result<Self> {
        let test = SelfTest::new()?;
        let engines: Vec<Found> = ENGINES.into_iter().filter(|name| *name != "auto").map(Found::of).collect();
        let self_test: Vec<Tested> =
            engines.iter().filter(|found| found.error.is_none()).map(|found| test.run(found.engine)).collect();
        let passed = |name: &str| self_test.iter().any(|tested| tested.engine == name && tested.passed);
        let mut missing = required.iter().map(|name| Ok(engine(name)?.name())).collect::<Result<Vec<_>>>()?;
        missing.retain(|name| !passed(name));
        let info = engine("auto")?.check()?;
        let library = engines.iter().find_map(|found| found.library.as_deref());
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            ok: missing.is_empty() && !self_test.iter().any(Tested::is_wrong),
            auto: Auto { engine: info.engine, why: info.why },
            model: test.model().to_owned(),
            cpu: Cpu::here(),
            gpu: Cards::here(),
            libraries: GpuLibrary::all(library),
            engines,
            self_test,
            missing,
        })
    }
}

impl Found {
    fn of(name: &'static str) -> Self {
        match engine(name).and_then(|engine| engine.check()) {
            Ok(info) => Self {
                engine: name,
                version: Some(info.version),
                library: info.library,
                providers: info.providers,
                error: None,
            },
            Err(error) => {
                Self { engine: name, version: None, library: None, providers: vec![], error: Some(error.to_string()) }
            }
        }
    }
}

impl Cards {
    fn here() -> Self {
        let (cards, error) = match Gpu::all() {
            Ok(cards) if cards.is_empty() => (cards, Some("the driver lists no card".to_owned())),
            Ok(cards) => (cards, None),
            Err(error) => (vec![], Some(error)),
        };
        let module = std::fs::read_to_string("/proc/driver/nvidia/version").ok();
        let driver = module.as_deref().and_then(|text| text.lines().next()).map(|line| line.trim().to_owned());
        Self { cards, driver, error }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tempest {}\n\nengines", self.version)?;
        self.engines.iter().try_for_each(|found| line(f, found.engine, found))?;
        line(f, "auto", format_args!("{}: {}", self.auto.engine, self.auto.why.unwrap_or("asked for by name")))?;
        writeln!(f, "\nself-test: the sample by the built-in model '{}'", self.model)?;
        self.self_test.iter().try_for_each(|tested| line(f, tested.engine, tested))?;
        writeln!(f, "\nprocessor")?;
        line(f, self.cpu.architecture, &self.cpu)?;
        writeln!(f, "\ncard")?;
        self.gpu.write(f)?;
        write_libraries(f, &self.libraries)?;
        if !self.missing.is_empty() {
            writeln!(f, "\nrequired and not usable: {}", self.missing.join(", "))?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, what: impl Display) -> fmt::Result {
    writeln!(f, "  {name:<21} {what}")
}

impl Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.error {
            return write!(f, "missing: {error}");
        }
        write!(f, "{}, ", self.version.as_deref().unwrap_or("unknown version"))?;
        match &self.library {
            None => f.write_str("built in"),
            Some(path) => write!(f, "{} ({})", path.display(), self.providers.join(", ")),
        }
    }
}

impl Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = &self.error {
            return write!(f, "failed: {error}");
        }
        let label = self.label.as_deref().unwrap_or("no label");
        let (percent, seconds) = (100.0 * self.probability.unwrap_or(0.0), self.seconds);
        let difference = self.difference.unwrap_or(f32::NAN);
        let verdict = if self.passed { "passed" } else { "WRONG" };
        write!(f, "{verdict}: {label} {percent:.1} %, {difference:.0e} from tract, loaded and run in {seconds:.2} s")
    }
}

impl Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.model.as_deref().unwrap_or("unnamed");
        write!(f, "{model}, {} cores; has {}", self.cores, self.having(true))?;
        let without = self.having(false);
        if without.is_empty() { Ok(()) } else { write!(f, "; without {without}") }
    }
}

impl Cards {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Gpu { name, driver, memory, compute } in &self.cards {
            line(f, name, format_args!("{memory}, compute capability {compute}, driver {driver}"))?;
        }
        if let Some(error) = &self.error {
            line(
                f,
                "none",
                format_args!("{error}; a card needs NVIDIA's driver: your system's package, or nvidia.com/drivers"),
            )?;
        }
        self.driver.iter().try_for_each(|driver| line(f, "kernel module", driver))
    }
}

/// Files of those that are there, names of the others.
fn write_libraries(f: &mut fmt::Formatter<'_>, libraries: &[GpuLibrary]) -> fmt::Result {
    for GpuLibrary { name, path, .. } in libraries.iter().filter(|library| library.found) {
        line(f, name, path.as_deref().map_or("found".into(), |path| path.to_string_lossy()))?;
    }
    let absent: Vec<&str> = libraries.iter().filter(|library| !library.found).map(|library| library.name).collect();
    if absent.is_empty() { Ok(()) } else { line(f, "not found", absent.join(", ")) }
}
