//! What each step of a render costs, over inputs that grow by four: parsing templates, executing them, `toYaml`, reading YAML, merging
//! values. The throughput of a line stays what it is when the cost is linear. `cargo bench --bench engine`; docs/benchmarks.md.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use evenkeel::functions::{Surroundings, register};
use evenkeel::template::{Dialect, Engine, FunctionTable, Limits, MissingKey, Set, Value};
use evenkeel::values::{ChartValues, coalesce, merge_maps};
use evenkeel::yaml::{self, Numbers};
use serde_json::{Map, json};

/// How large the inputs are, as multiples of the smallest.
const SIZES: [usize; 3] = [1, 4, 16];

/// Entries of the smallest input.
const UNIT: usize = 50;

const TEMPLATE: &str = r#"
{{- define "labels" }}
app.kubernetes.io/name: {{ .name | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ printf "%s-%d" .name (int .port) | quote }}
{{- end }}
{{- range $i, $service := .Values.services }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $service.name }}
  labels: {{- include "labels" $service | nindent 4 }}
spec:
  {{- if and $service.enabled (gt (int $service.port) 0) }}
  ports:
  - port: {{ $service.port }}
  {{- else }}
  ports: []
  {{- end }}
  {{- with $service.resources }}
  resources: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
"#;

/// Values as a chart's user writes them.
fn values(entries: usize) -> serde_json::Value {
    let services = (0..entries).map(|n| {
        json!({
            "name": format!("service-{n}"), "enabled": n % 3 != 0, "port": 8000.0 + n as f64,
            "resources": {"limits": {"cpu": "100m", "memory": "128Mi"}, "requests": {"cpu": 0.5, "note": "it's: quoted"}},
        })
    });
    json!({"services": services.collect::<Vec<_>>(), "global": {"registry": "registry.example"}})
}

fn table() -> FunctionTable {
    let mut table = FunctionTable::new();
    register(&mut table, &Surroundings::default());
    table
}

fn parsed(text: &str, table: &FunctionTable) -> Set {
    let mut set = Set::named("gotpl", Dialect::Go1_23);
    set.parse("chart/templates/services.yaml", text, table).unwrap();
    set
}

fn executed(set: &Set, table: &FunctionTable, data: &Value) -> String {
    let mut engine = Engine::new(set, table, MissingKey::Zero, Limits::default());
    engine.execute("chart/templates/services.yaml", data.clone()).unwrap()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let table = table();

    let mut group = criterion.benchmark_group("parse");
    for size in SIZES {
        // Definitions of one name may not be repeated: the body is.
        let text = TEMPLATE.split_once("{{- range").unwrap().1;
        let text = format!("{{{{- range{text}").repeat(size * UNIT / 10);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| b.iter(|| parsed(black_box(&text), &table)));
    }
    group.finish();

    let set = parsed(TEMPLATE, &table);
    let mut group = criterion.benchmark_group("execute");
    for size in SIZES {
        let data = Value::from(&json!({"Values": values(size * UNIT)}));
        group.throughput(Throughput::Bytes(executed(&set, &table, &data).len() as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| b.iter(|| executed(&set, &table, &data)));
    }
    group.finish();

    // The same text in every pass of a loop: parsed once, so that a pass costs what an `include` of it costs.
    for (name, call) in [("tpl in a loop", "tpl $.text ."), ("include in a loop", "include \"text\" .")] {
        let text = "{{ .name | upper | quote }}: {{ .port | int }}";
        let set = parsed(
            &format!(
                "{{{{ define \"text\" }}}}{text}{{{{ end }}}}{{{{ range .Values.services }}}}{{{{ {call} }}}}{{{{ end }}}}"
            ),
            &table,
        );
        let mut group = criterion.benchmark_group(name);
        for size in SIZES {
            let data = Value::from(&json!({"Values": values(size * UNIT), "text": text}));
            group.throughput(Throughput::Elements((size * UNIT) as u64));
            group.bench_function(BenchmarkId::from_parameter(size), |b| b.iter(|| executed(&set, &table, &data)));
        }
        group.finish();
    }

    let mut group = criterion.benchmark_group("toYaml");
    for size in SIZES {
        let json = values(size * UNIT);
        group.throughput(Throughput::Bytes(yaml::emit(&json).len() as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| b.iter(|| yaml::emit(black_box(&json))));
    }
    group.finish();

    let mut group = criterion.benchmark_group("read YAML");
    for size in SIZES {
        let text = yaml::emit(&values(size * UNIT));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| yaml::to_json(black_box(&text), Numbers::Float).unwrap());
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("values merge");
    for size in SIZES {
        let keyed = |entries: usize, port: f64| -> Map<String, serde_json::Value> {
            (0..entries).map(|n| (format!("service-{n}"), json!({"port": port, "labels": {"a": "b"}}))).collect()
        };
        let (defaults, upper) = (keyed(size * UNIT, 80.0), keyed(size * UNIT / 2, 81.0));
        let chart = ChartValues { name: "chart", values: &defaults, dependencies: Vec::new() };
        group.throughput(Throughput::Elements((size * UNIT) as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                let mut user = Map::new();
                merge_maps(&mut user, black_box(&upper));
                coalesce(&chart, &user, &mut Vec::new()).unwrap()
            });
        });
    }
    group.finish();
    criterion.final_summary();
}
