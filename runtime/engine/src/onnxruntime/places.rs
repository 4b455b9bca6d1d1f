//! Where Python keeps packages. The library of `pip install onnxruntime` lies in `onnxruntime/capi` there.

use crate::command::answer;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// How long `python3` may take to say where its packages are, where its own place does not tell.
const LIMIT: Duration = Duration::from_secs(5);

/// A Python environment that may hold the library.
pub(super) struct Place {
    /// For people: `VIRTUAL_ENV (not set)`, `python3 in '/usr/bin'`.
    pub(super) name: String,
    /// Folders of packages, the most likely first; may not exist.
    packages: Vec<PathBuf>,
}

impl Place {
    /// The folders that the library may lie in.
    pub(super) fn folders(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.packages.iter().map(|folder| folder.join("onnxruntime").join("capi"))
    }

    /// The environment that `variable` names.
    pub(super) fn of_variable(variable: &str) -> Self {
        match env::var_os(variable).filter(|value| !value.is_empty()) {
            None => Place { name: format!("{variable} (not set)"), packages: vec![] },
            Some(root) => {
                let root = PathBuf::from(root);
                Place { name: format!("{variable} '{}'", root.display()), packages: packages(&root) }
            }
        }
    }

    /// The environment of the first `python3` on the path, and packages the user installed for it. It is run only
    /// where it lies apart from its packages, as the stand-ins of version managers do.
    pub(super) fn of_python() -> Self {
        let Some(python) = on_path("python3") else {
            return Place { name: "python3 (not on the path)".into(), packages: vec![] };
        };
        let folder = python.parent().unwrap_or(Path::new(""));
        let mut found = folder.parent().map(packages).unwrap_or_default();
        if found.is_empty() {
            found.extend(asked(&python));
        }
        if let Some(home) = env::home_dir() {
            found.extend(packages(&home.join(".local")));
        }
        Place { name: format!("python3 in '{}'", folder.display()), packages: found }
    }
}

/// Where `python` says its packages are; asked once for the process.
fn asked(python: &Path) -> Option<PathBuf> {
    const SCRIPT: &str = "import sysconfig; print(sysconfig.get_path('platlib'))";
    static ANSWER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let ask = || answer(Command::new(python).args(["-I", "-c", SCRIPT]), LIMIT).ok().map(|text| text.trim().into());
    ANSWER.get_or_init(ask).clone()
}

/// Folders of packages below the prefix `root`, newest Python first, as CPython, Debian and Windows lay them out.
fn packages(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    for lib in ["lib", "lib64", "local/lib"].map(|lib| root.join(lib)) {
        let entries = std::fs::read_dir(&lib).into_iter().flatten().flatten();
        let mut pythons: Vec<(u32, OsString)> =
            entries.filter_map(|entry| Some((minor(entry.file_name().to_str()?)?, entry.file_name()))).collect();
        pythons.sort_unstable_by(|a, b| b.cmp(a));
        let folder =
            |(_, name): (u32, OsString)| ["site-packages", "dist-packages"].map(|kind| lib.join(&name).join(kind));
        found.extend(pythons.into_iter().flat_map(folder));
    }
    let windows = root.join("Lib").join("site-packages");
    found.extend(windows.is_dir().then_some(windows));
    found.retain(|folder| folder.is_dir());
    found
}

/// 11 of `python3.11`; 0 of Debian's `python3`, which all versions share.
fn minor(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("python3")?;
    if rest.is_empty() { Some(0) } else { rest.strip_prefix('.')?.parse().ok() }
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failing test should panic")]
mod tests {
    use super::packages;

    #[test]
    fn newer_pythons_come_first() {
        let root = tempfile::tempdir().unwrap();
        let layout = [
            "lib/python3.9/site-packages",
            "lib/python3.13/site-packages",
            "lib/python3/dist-packages",
            "local/lib/python3.11/dist-packages",
        ];
        for folder in layout.iter().chain(&["lib/python2.7/site-packages", "lib/python3.x/site-packages"]) {
            std::fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let expected = [1, 0, 2, 3].map(|index| root.path().join(layout[index]));
        assert_eq!(packages(root.path()), expected);
        assert!(packages(&root.path().join("absent")).is_empty());
    }
}
