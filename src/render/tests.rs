//! Small charts through the whole of rendering.

use serde_json::json;

use super::*;
use crate::manifest::{self, Object};
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
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = in template "name", called from c/templates/a.yaml:3:12
      = chart: c 0.1.0
      = `.Values.name` is not set
      = `.Values` is empty
      = looked in: c/values.yaml
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

/// Helm hands its manifests over line by line, each with its end, so that a text at the end of a document keeps that of its last line.
#[test]
fn a_text_at_the_end_of_a_document_is_as_helm_sends_it() {
    let map = |style: &str, end: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{{{{ \"\" }}}}}}\ndata:\n  a: {style}\n    one\n    two{end}"
        )
    };
    for (style, text) in [("|", "one\ntwo\n"), ("|-", "one\ntwo"), ("|+", "one\ntwo\n"), (">", "one two\n")] {
        for end in ["", "\n", "\n\n\n", "\n---\n"] {
            let hook = map(style, "").replace("metadata: {", "metadata: {annotations: {helm.sh/hook: pre-install}, ");
            let chart = chart(&[("templates/a.yaml", &map(style, end)), ("templates/h.yaml", &hook)]);
            let rendered = render(&chart, &Table::new(), &RenderOptions::default()).unwrap();
            let data = |object: &Object| object.value()["data"]["a"].as_str().unwrap().to_owned();
            assert_eq!(data(&rendered.objects().unwrap()[0].1), text, "{style} {end:?}");
            assert_eq!(data(&rendered.hooks[0].manifest.objects().unwrap()[0]), text, "{style}, a hook");
            // A revision of helm's history says the same.
            let kept = manifest::parse(&rendered.manifest_text(false), "revision").unwrap();
            assert_eq!(data(&kept[0]), text, "{style} {end:?}, from the history");
        }
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

/// A chart that reads in all the ways that there are.
fn reader() -> CompiledChart {
    CompiledChart::new(chart(&[
        (
            "values.yaml",
            "image: {name: a, tag: b}\nlabels: {x: 1}\nunread: 1\nlist: [{p: 1, q: 2}]\nonly: {if: 1}\npod: {a: 1, b: 2}\nnever: {taken: 1}\ns: {k: 1, z: 2}\nglobal: {g: 1, h: 2}\n",
        ),
        ("templates/_h.tpl", "{{ define \"image\" }}{{ .img.name }}:{{ .img.tag }}{{ end }}"),
        ("notes/a.txt", "a"),
        (
            "templates/a.yaml",
            "kind: A\nimage: {{ include \"image\" (dict \"img\" .Values.image) }}\nlabels: {{ toYaml .Values.labels | nindent 2 }}\n\
             list:\n{{ range .Values.list }}- {{ .p }}\n{{ end }}{{ if .Values.only }}only: 1{{ end }}\n{{ $p := deepCopy .Values.pod }}pod: {{ $p.a }}\n\
             {{ if false }}{{ .Values.never.taken }}{{ end }}\nkey: k{{ index .Values \"byKey\" | quote }} {{ hasKey .Values \"asked\" }}\n\
             has: {{ .Capabilities.APIVersions.Has \"x/v1\" }} {{ .Release.Name }} {{ .Files.Get \"notes/a.txt\" }}\n",
        ),
        ("charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 0.1.0\n"),
        ("charts/s/templates/a.yaml", "kind: B\nk: {{ .Values.k }} {{ .Values.global.g }}\n"),
    ]))
}

#[test]
fn a_render_depends_on_what_its_trace_names_and_on_nothing_else() {
    let chart = reader();
    let options = RenderOptions::default();
    let (first, trace) = chart.trace(&Table::new(), &options);
    let first = first.unwrap().text_as_helm_template(&TextOptions::default()).unwrap();
    assert_eq!(
        first,
        chart.render(&Table::new(), &options).unwrap().text_as_helm_template(&TextOptions::default()).unwrap()
    );
    let key = |user: &Table, options: &RenderOptions| {
        let (values, templates) = chart.values(user).unwrap();
        trace.key(&values, &templates, options)
    };
    let base = key(&Table::new(), &options);
    for (user, same) in [
        (json!({"unread": 2, "more": 1}), true),
        (json!({"image": {"pullPolicy": "x"}}), true),
        (json!({"list": [{"p": 1.0, "q": 9.0}]}), true),
        (json!({"only": {"if": 2}}), true),
        (json!({"s": {"z": 9}, "global": {"h": 9}}), true),
        (json!({"never": {"taken": 9}}), true),
        (json!({"image": {"tag": "x"}}), false),
        (json!({"labels": {"y": 1}}), false),
        (json!({"list": [{"p": 2, "q": 2}]}), false),
        (json!({"list": [{"p": 1}, {"p": 1}]}), false),
        (json!({"only": {"if": null}}), false),
        (json!({"pod": {"a": 2}}), false),
        (json!({"byKey": 1}), false),
        (json!({"asked": 1}), false),
        (json!({"s": {"k": 2}}), false),
        (json!({"global": {"g": 2}}), false),
    ] {
        let user = user.as_object().cloned().unwrap();
        let text = chart.render(&user, &options).unwrap().text_as_helm_template(&TextOptions::default()).unwrap();
        assert_eq!(text == first, same, "{user:?}");
        assert_eq!(key(&user, &options) == base, same, "{user:?}");
    }
    let mut other = options.clone();
    other.namespace = "elsewhere".to_owned();
    other.capabilities.set_version("1.30").unwrap();
    other.capabilities.api_versions.push("y/v1".to_owned());
    assert_eq!(key(&Table::new(), &other), base);
    other.capabilities.api_versions.push("x/v1".to_owned());
    assert_ne!(key(&Table::new(), &other), base);
    let named = RenderOptions { release_name: "other".to_owned(), ..options };
    assert_ne!(key(&Table::new(), &named), base);
    assert!(trace.files["c"].covers(&["Get", "notes/a.txt"]) && !trace.files["c"].covers(&["Get", "b"]));
    assert!(trace.called.is_empty());
}

#[test]
fn keys_that_nothing_reads_are_named_with_the_nearest_that_is() {
    let chart = reader();
    let user = json!({
        "imgae": {"tag": 1}, "image": {"tga": 1, "tag": 2}, "labels": {"any": 1}, "never": {"taken": 2}, "only": {"x": 1},
        "s": {"k": 1, "q": 1}, "global": {"g": 1, "z": 1}, "list": [{"anything": 1}], "gone": null,
    });
    let user = user.as_object().cloned().unwrap();
    let mut usage = chart.usage(&chart.chart().values).unwrap();
    usage.add(&chart.trace(&user, &RenderOptions::default()).1);
    let unread: Vec<(String, Option<String>)> =
        usage.unread(&user).into_iter().map(|path| (path.join("."), usage.nearest(&path))).collect();
    let near = |key: &str, near: &str| (key.to_owned(), Some(near.to_owned()));
    assert_eq!(
        unread,
        [near("global.z", "global.g"), near("image.tga", "image.tag"), near("imgae", "image"), near("s.q", "s.k")]
    );
    let unread: Vec<String> = usage.unread(&chart.chart().values).into_iter().map(|path| path.join(".")).collect();
    assert_eq!(unread, ["global.h", "pod.b", "s.z", "unread"]);
}

#[test]
fn texts_in_values_and_conditions_read_too() {
    let tree = MemoryTree::from([
        (
            "c/Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 0.1.0\ndependencies: [{name: s, version: 0.1.0, condition: s.enabled}]\n",
        ),
        ("c/values.yaml", "s: {enabled: false, k: 1}\ntext: '{{ .Values.inner }}'\ninner: 1\n"),
        ("c/templates/a.yaml", "kind: A\nx: {{ tpl .Values.text . }}\n"),
        ("c/charts/s/Chart.yaml", "apiVersion: v2\nname: s\nversion: 0.1.0\n"),
        ("c/charts/s/templates/a.yaml", "kind: A\nx: {{ .Values.k }}\n"),
    ]);
    let chart = CompiledChart::new(Chart::load(&tree, "c").unwrap());
    let usage = chart.usage(&chart.chart().values).unwrap();
    assert_eq!(usage.unread(&chart.chart().values), Vec::<Vec<String>>::new());
}

#[test]
fn errors_name_the_key_that_was_missing() {
    let files = [
        ("values.yaml", "imgae: {tag: 1}\n"),
        ("templates/_h.tpl", "{{ define \"name\" }}\n\té {{ .img.tag }}{{ end }}"),
        (
            "templates/a.yaml",
            "kind: A\n{{ with .Values }}{{ range list 1 }}x: {{ template \"name\" (dict \"img\" $.Values.image) }}{{ end }}{{ end }}",
        ),
    ];
    let error = text(&files, json!({"image": null})).unwrap_err();
    insta::assert_snapshot!(error.told(), @r#"
    template: c/templates/_h.tpl:2:11: executing "name" at <.img.tag>: nil pointer evaluating interface {}.tag

    c/templates/_h.tpl:2:7: nil pointer evaluating interface {}.tag
      |
    2 |  é {{ .img.tag }}{{ end }}
      |       ^^^^^^^^
      = in template "name", called from c/templates/a.yaml:2:52
      = chart: c 0.1.0
      = `.Values.image` is null (wanted: `.Values.image.tag`)
      = a null among the values that were given takes it away
      = nearest key that is set: `.Values.imgae`
      = looked in: c/values.yaml
    "#);
    let error =
        text(&[("templates/a.yaml", "{{ if .x }}\n{{/* a\nb */}}\n {{ inclde \"x\" . }}")], json!({})).unwrap_err();
    insta::assert_snapshot!(error.told(), @r#"
    parse error at (c/templates/a.yaml:3): function "inclde" not defined

    c/templates/a.yaml:4:5: function "inclde" not defined
      |
    4 |  {{ inclde "x" . }}
      |     ^^^^^^
      = `if` at c/templates/a.yaml:1:1 is not closed by an `end`
      = chart: c 0.1.0
      = nearest function: `include`
    "#);
    let yaml = "kind: A\n{{ if true }}\nmetadata:\n  name: {{ .Values.name }}\n{{ end }}\n";
    let error = text(&[("templates/a.yaml", yaml)], json!({"name": "b: c"})).unwrap_err();
    let told = error.told();
    assert!(
        told.starts_with("YAML parse error on c/templates/a.yaml: error converting YAML to JSON: yaml: line 4: "),
        "{told}"
    );
    assert!(
        told.contains("\nc/templates/a.yaml:4:3: what this line writes is no YAML: mapping values are not allowed"),
        "{told}"
    );
    assert!(told.contains("4 |   name: {{ .Values.name }}\n  |   ^^^^^^^^^^^^^^^^^^^^^^^^\n"), "{told}");
    assert!(told.contains("line 4 of the document, column 10:   name: b: c"), "{told}");
}

#[test]
fn schemas_refuse_values_and_those_that_need_the_network_are_named() {
    let schema = r#"{"properties": {"n": {"type": "integer"}}, "required": ["n"]}"#;
    let files = [("values.schema.json", schema), ("templates/a.yaml", "kind: A\n")];
    let error = text(&files, json!({"n": "x"})).unwrap_err();
    assert_eq!(
        error.helm,
        "values don't meet the specifications of the schema(s) in the following chart(s):\nc:\n- n: Invalid type. Expected: integer, given: string\n"
    );
    assert_eq!(error.diagnostic.file, "c/values.schema.json");
    let compiled = CompiledChart::new(chart(&files));
    let options = RenderOptions { skip_schema_validation: true, ..RenderOptions::default() };
    compiled.render(&Table::new(), &options).unwrap();
    for _ in 0..2 {
        assert!(compiled.render(&Table::new(), &RenderOptions::default()).is_err());
    }
    let schema = r#"{"type": "string", "properties": {"n": {"$ref": "https://example.com/n.json#/a"}}}"#;
    let rendered = render(&chart(&[("values.schema.json", schema)]), &Table::new(), &RenderOptions::default()).unwrap();
    assert_eq!(
        rendered.warnings,
        [
            "WARNING: values are not checked against the schema of c: it refers to https://example.com/n.json, which is not fetched"
        ]
    );
}
