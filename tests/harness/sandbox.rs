//! The sandbox as a program of its own, with its kubeconfig.

use std::path::PathBuf;
use std::time::Duration;

use super::{Evenkeel, GitRepository, Output, Process};

/// A sandbox in the background, with its kubeconfig.
pub(crate) struct Sandbox {
    _process: Process,
    folder: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kubeconfig");
        let mut process = Evenkeel::new(["sandbox"]).kubeconfig(&file).start();
        process.next_line("the address", Duration::from_secs(20), |line| line.starts_with("serving http://127.0.0.1:"));
        assert!(file.is_file(), "the kubeconfig is written when it serves");
        Self { _process: process, folder }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    pub(crate) fn command(&self, repository: &GitRepository, arguments: &[&str]) -> Evenkeel {
        Evenkeel::new(arguments).repository(repository).kubeconfig(&self.folder.path().join("kubeconfig"))
    }

    /// For what others do in the cluster.
    pub(crate) async fn client(&self) -> kube::Client {
        let file = kube::config::Kubeconfig::read_from(self.folder.path().join("kubeconfig")).unwrap();
        let options = kube::config::KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(file, &options).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    pub(crate) fn run(&self, repository: &GitRepository, arguments: &[&str]) -> Output {
        self.command(repository, arguments).run()
    }
}
