//! How helm reads a command line: flags as Go's pflag takes them, the flags that all of helm's commands have, and helm's words for
//! what is wrong with one. `template` and `chart` stand on it.
#![expect(
    clippy::disallowed_methods,
    reason = "helm's variables stand for flags, and the command line is where they are read"
)]

use std::path::PathBuf;

use clap::builder::ValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Args, Command};

use crate::cluster::{ConnectOptions, Overrides};

/// The commands that take flags as helm does.
const COMMANDS: [&str; 2] = ["template", "chart"];

/// Flags of every helm command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Helm")]
pub struct GlobalArgs {
    /// Say more: `template` also shows what was rendered where it is no YAML.
    #[arg(long, global = true)]
    pub debug: bool,
    /// The namespace of the release.
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// The kubeconfig.
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// A context of the kubeconfig.
    #[arg(long, global = true, value_name = "NAME")]
    pub kube_context: Option<String>,
    /// The API server's address.
    #[arg(long, global = true, value_name = "URL")]
    pub kube_apiserver: Option<String>,
    /// A bearer token for the API server.
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    pub kube_token: Option<String>,
    /// The user to impersonate.
    #[arg(long, global = true, value_name = "USER")]
    pub kube_as_user: Option<String>,
    /// The groups to impersonate.
    #[arg(long, global = true, value_name = "GROUP")]
    pub kube_as_group: Vec<String>,
    /// The authorities that the API server's certificate is checked against.
    #[arg(long, global = true, value_name = "FILE")]
    pub kube_ca_file: Option<PathBuf>,
    /// Do not check the API server's certificate.
    #[arg(long, global = true)]
    pub kube_insecure_skip_tls_verify: bool,
    /// The name that the API server's certificate is checked for.
    #[arg(long, global = true, value_name = "NAME")]
    pub kube_tls_server_name: Option<String>,
    /// Taken as helm takes it; has no effect.
    #[arg(long, global = true, value_name = "NUMBER", hide = true, value_parser = go_int)]
    pub burst_limit: Option<i64>,
    /// Taken as helm takes it; has no effect.
    #[arg(long, global = true, value_name = "NUMBER", hide = true, value_parser = go_float)]
    pub qps: Option<f32>,
}

impl GlobalArgs {
    /// Whether `--debug` or `HELM_DEBUG` asks for it.
    pub(super) fn debug(&self) -> bool {
        self.debug || variable("HELM_DEBUG").is_some_and(|text| go_bool(&text) == Ok(true))
    }

    /// Flags and helm's variables: how the cluster is reached.
    pub(super) fn connect_options(&self) -> ConnectOptions {
        let of = |flag: &Option<String>, name: &str| flag.clone().or_else(|| variable(name)).filter(|s| !s.is_empty());
        let groups = variable("HELM_KUBEASGROUPS").unwrap_or_default();
        let insecure = variable("HELM_KUBEINSECURE_SKIP_TLS_VERIFY").is_some_and(|text| go_bool(&text) == Ok(true));
        ConnectOptions {
            kubeconfig: self.kubeconfig.clone().filter(|path| !path.as_os_str().is_empty()),
            context: of(&self.kube_context, "HELM_KUBECONTEXT"),
            overrides: Overrides {
                server: of(&self.kube_apiserver, "HELM_KUBEAPISERVER"),
                token: of(&self.kube_token, "HELM_KUBETOKEN"),
                user: of(&self.kube_as_user, "HELM_KUBEASUSER"),
                groups: match &self.kube_as_group[..] {
                    [] => groups.split(',').filter(|group| !group.is_empty()).map(str::to_owned).collect(),
                    given => given.to_vec(),
                },
                authorities: self.kube_ca_file.clone().or_else(|| variable("HELM_KUBECAFILE").map(PathBuf::from)),
                insecure: self.kube_insecure_skip_tls_verify || insecure,
                server_name: of(&self.kube_tls_server_name, "HELM_KUBETLS_SERVER_NAME"),
            },
            ..ConnectOptions::default()
        }
    }

    /// The release's namespace: the flag, `HELM_NAMESPACE`, what the kubeconfig's context says, what a pod runs in, `default`.
    pub(super) fn namespace(&self) -> String {
        let given = self.namespace.clone().or_else(|| variable("HELM_NAMESPACE")).filter(|name| !name.is_empty());
        given.unwrap_or_else(|| crate::cluster::namespace_of(&self.connect_options()))
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The command line with helm's commands as pflag reads them: a boolean may be given its value (`--no-hooks=false`), a value may
/// begin with a hyphen, and of a flag that is given twice the last counts.
pub(super) fn as_helm_reads(cli: Command) -> Command {
    COMMANDS.iter().fold(cli, |cli, name| match cli.find_subcommand(name) {
        Some(_) => cli.mut_subcommand(name, below),
        None => cli,
    })
}

fn below(command: Command) -> Command {
    command.args_override_self(true).mut_args(as_pflag).mut_subcommands(below)
}

fn as_pflag(arg: Arg) -> Arg {
    match arg.get_action() {
        ArgAction::SetTrue => arg
            .action(ArgAction::Set)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .default_value("false")
            .hide_default_value(true)
            .value_name("BOOL")
            .value_parser(ValueParser::new(go_bool)),
        ArgAction::Set | ArgAction::Append if !arg.is_positional() => arg.allow_hyphen_values(true),
        _ => arg,
    }
}

/// Go's `strconv.ParseBool`.
fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("strconv.ParseBool: parsing {text:?}: invalid syntax")),
    }
}

/// Go's `strconv.ParseInt`, as far as a command line goes.
fn go_int(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))
}

/// Go's `strconv.ParseFloat`, as far as a command line goes.
fn go_float(text: &str) -> Result<f32, String> {
    text.parse().map_err(|_| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
}

/// `name=value,…`, as pflag takes maps of texts.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("{pair} must be formatted as key=value"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    if text.matches('=').count() == 1 { Ok(vec![pair(text)?]) } else { text.split(',').map(pair).collect() }
}

/// A duration as Go writes it: it is looked at and has no effect.
pub(super) fn duration(text: &str) -> Result<String, String> {
    crate::functions::parse_duration(text).map(|_| text.to_owned())
}

/// Helm's line for an error of one of its commands, with what clap adds to it: nothing for other commands and for help.
pub(super) fn told(error: &clap::Error, cli: &Command, given: &[String]) -> Option<String> {
    let mut words = given.iter().skip(1).filter(|word| !word.starts_with('-'));
    let mut command = cli.find_subcommand(words.next().filter(|word| COMMANDS.contains(&word.as_str()))?)?;
    while let Some(inner) = words.next().and_then(|word| command.find_subcommand(word)) {
        command = inner;
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = text(ContextKind::InvalidArg)?;
    let long = flag.split([' ', '[', '=', '<']).next().unwrap_or(flag);
    let named = command.get_arguments().find(|arg| arg.get_long().is_some_and(|name| long == format!("--{name}")));
    let shown = match named.and_then(Arg::get_short) {
        Some(short) => format!("-{short}, {long}"),
        None => long.to_owned(),
    };
    let line = match error.kind() {
        ErrorKind::UnknownArgument => match flag.strip_prefix('-').filter(|name| !name.starts_with('-')) {
            Some(short) => format!("unknown shorthand flag: '{short}' in {flag}"),
            None => format!("unknown flag: {long}"),
        },
        ErrorKind::ValueValidation => {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            format!("invalid argument {:?} for {shown:?} flag: {cause}", text(ContextKind::InvalidValue)?)
        }
        ErrorKind::InvalidValue if text(ContextKind::InvalidValue) == Some("") => {
            // Nothing stands behind it.
            let last = given.last().and_then(|word| word.strip_prefix('-'));
            match last.filter(|name| name.chars().count() == 1) {
                Some(short) => format!("flag needs an argument: '{short}' in -{short}"),
                None => format!("flag needs an argument: {long}"),
            }
        }
        _ => return None,
    };
    let hint = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(near)) => format!("\n\ndid you mean {near}?"),
        _ => String::new(),
    };
    Some(format!("{line}{hint}"))
}
