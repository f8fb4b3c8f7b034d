//! Small charts through the whole of rendering.

use serde_json::json;

use super::*;
use crate::tree::MemoryTree;

fn chart(files: &[(&str, &str)]) -> Chart {
    let mut tree = MemoryTree::from([("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\nappVersion: '2'\n")]);
    for (path, text) in files {
        tree.insert(format!("c/{path}"), *text);
    }
    Chart::load(&tree, "c").unwrap()
}

fn text(files: &[(&str, &str)], values: serde_json::Value) -> Result<String, RenderError> {
    let values = values.as_object().cloned().unwrap_or_default();
    render(&chart(files), &values, &RenderOptions::default())?.text_as_helm_template(&TextOptions::default())
}

#[test]
fn manifests_by_kind_then_hooks() {
    let out = text(
        &[
            ("templates/a.yaml", "kind: Deployment\nmetadata: {name: {{ .Release.Name }}}\n---\nkind: Service\n"),
            ("templates/b.yaml", "kind: Zebra\n---\nkind: Antelope\n---\nkind: Namespace\n"),
            (
                "templates/h.yaml",
                "kind: Job\nmetadata: {name: h, annotations: {helm.sh/hook: 'pre-install, Test', helm.sh/hook-weight: '-5'}}\n",
            ),
            ("templates/_p.tpl", "{{ define \"x\" }}y{{ end }}"),
            ("templates/NOTES.txt", "hello"),
        ],
        json!({}),
    );
    insta::assert_snapshot!(out.unwrap(), @r"
    ---
    # Source: c/templates/b.yaml
    kind: Namespace
    ---
    # Source: c/templates/a.yaml
    kind: Service
    ---
    # Source: c/templates/a.yaml
    kind: Deployment
    metadata: {name: release-name}
    ---
    # Source: c/templates/b.yaml
    kind: Antelope
    ---
    # Source: c/templates/b.yaml
    kind: Zebra
    ---
    # Source: c/templates/h.yaml
    kind: Job
    metadata: {name: h, annotations: {helm.sh/hook: 'pre-install, Test', helm.sh/hook-weight: '-5'}}
    ");
}

#[test]
fn errors_name_the_template_in_helms_words_and_in_ours() {
    let files = [
        ("templates/_h.tpl", "{{ define \"name\" }}\n{{- required \"a name is needed\" .Values.name }}{{ end }}"),
        ("templates/a.yaml", "kind: A\nmetadata:\n  name: {{ include \"name\" . }}\n"),
    ];
    let error = text(&files, json!({})).unwrap_err();
    assert_eq!(error.helm, "execution error at (c/templates/a.yaml:3:11): a name is needed");
    insta::assert_snapshot!(error.diagnostic.to_string(), @r#"
    c/templates/_h.tpl:2:5: a name is needed
      |
    2 | {{- required "a name is needed" .Values.name }}{{ end }}
      |     ^
      = included from c/templates/a.yaml:3
    "#);
    let error = text(&[("templates/a.yaml", "a: {{ nonsense }}")], json!({})).unwrap_err();
    assert_eq!(error.helm, "parse error at (c/templates/a.yaml:1): function \"nonsense\" not defined");
    let error = text(&[("templates/a.yaml", "metadata: {annotations: x}")], json!({})).unwrap_err();
    assert_eq!(
        error.helm,
        "YAML parse error on c/templates/a.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go struct field .metadata.annotations of type map[string]string"
    );
    let error = text(&[("templates/a.yaml", "a: b: c")], json!({})).unwrap_err();
    assert_eq!(
        error.helm,
        "YAML parse error on c/templates/a.yaml: error converting YAML to JSON: yaml: mapping values are not allowed in this context"
    );
}

#[test]
fn charts_share_their_values() {
    let out = text(
        &[
            ("values.yaml", "s: {k: 1}\nglobal: {g: 1}\n"),
            ("charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 0.1.0\n"),
            ("charts/s/templates/a.yaml", "kind: A\nx: {{ set .Values \"k\" 2 | len }}{{ .Values.global.g }}\n"),
            ("templates/a.yaml", "kind: B\nx: {{ .Values.s.k }} {{ .Subcharts.s.Values.k }} {{ .Chart.IsRoot }}\n"),
        ],
        json!({}),
    );
    insta::assert_snapshot!(out.unwrap(), @r"
    ---
    # Source: c/charts/s/templates/a.yaml
    kind: A
    x: 21
    ---
    # Source: c/templates/a.yaml
    kind: B
    x: 2 2 true
    ");
}

#[test]
fn a_compiled_chart_renders_with_any_subcharts() {
    let tree = MemoryTree::from([
        (
            "c/Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 0.1.0\ndependencies: [{name: s, version: 0.1.0, condition: s.enabled}]\n",
        ),
        ("c/charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 0.1.0\n"),
        ("c/charts/s/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\n"),
        ("c/crds/a.yaml", "apiVersion: v1\nkind: CustomResourceDefinition\nmetadata: {name: d}\n"),
    ]);
    let compiled = CompiledChart::new(Chart::load(&tree, "c").unwrap());
    for (enabled, count) in [(true, 1), (false, 0), (true, 1)] {
        let values = json!({"s": {"enabled": enabled}}).as_object().cloned().unwrap();
        let rendered = compiled.render(&values, &RenderOptions::default()).unwrap();
        assert_eq!(rendered.objects().unwrap().len(), count);
        assert_eq!(rendered.crds[0].objects().unwrap()[0].name(), "d");
    }
}

#[test]
fn lists_are_taken_apart_and_strangers_refused() {
    let list = "kind: List\napiVersion: v1\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: a}}\n- {apiVersion: v1, kind: A, metadata: {name: b}}\n";
    let rendered = render(&chart(&[("templates/a.yaml", list)]), &Table::new(), &RenderOptions::default()).unwrap();
    assert_eq!(rendered.objects().unwrap().len(), 2);
    let rendered = render(
        &chart(&[("templates/a.yaml", "# nothing\n"), ("templates/b.yaml", "a: 1\n")]),
        &Table::new(),
        &RenderOptions::default(),
    )
    .unwrap();
    assert!(rendered.objects().unwrap_err().diagnostic.to_string().starts_with("c/templates/b.yaml"));
}

#[test]
fn refuses_bad_names_and_other_versions() {
    let options = RenderOptions { release_name: "A_b".to_owned(), ..RenderOptions::default() };
    assert!(
        render(&chart(&[]), &Table::new(), &options).unwrap_err().helm.starts_with("release name \"A_b\": invalid")
    );
    let mut old = RenderOptions::default();
    old.capabilities.set_version("1.20").unwrap();
    let tree = MemoryTree::from([("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\nkubeVersion: '>=1.28'\n")]);
    let error = render(&Chart::load(&tree, "c").unwrap(), &Table::new(), &old).unwrap_err();
    assert_eq!(error.helm, "chart requires kubeVersion: >=1.28 which is incompatible with Kubernetes v1.20.0");
}
