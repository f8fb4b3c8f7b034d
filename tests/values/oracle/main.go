// Oracle fills the tables in this folder with what Helm does.
//
//	go run . set      < ../set.jsonl      > set.new      && mv set.new ../set.jsonl
//	go run . coalesce < ../coalesce.jsonl > coalesce.new && mv coalesce.new ../coalesce.jsonl
//
// A line of set.jsonl is {"kind": set|string|json|file|literal, "line": TEXT, "base": VALUES} and gains "values" or "error".
// A line of coalesce.jsonl is {"chart": {name, values, dependencies}, "files": [VALUES…]} and gains "values" and "warnings",
// or "error"; it runs the helm binary that HELM names, or the one in the PATH.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"helm.sh/helm/v3/pkg/strvals"
)

type setCase struct {
	Kind   string         `json:"kind"`
	Line   string         `json:"line"`
	Base   map[string]any `json:"base,omitempty"`
	Values any            `json:"values,omitempty"`
	Error  string         `json:"error,omitempty"`
}

func set(line []byte) any {
	var c setCase
	must(json.Unmarshal(line, &c))
	c.Values, c.Error = nil, ""
	values := copied(c.Base)
	var err error
	switch c.Kind {
	case "set":
		err = strvals.ParseInto(c.Line, values)
	case "string":
		err = strvals.ParseIntoString(c.Line, values)
	case "json":
		err = strvals.ParseJSON(c.Line, values)
	case "literal":
		err = strvals.ParseLiteralInto(c.Line, values)
	case "file":
		err = strvals.ParseIntoFile(c.Line, values, func(name []rune) (any, error) {
			if string(name) == "missing" {
				return nil, errors.New("no such file")
			}
			return "<" + string(name) + ">", nil
		})
	}
	if err != nil {
		c.Error = err.Error()
	} else {
		c.Values = marked(values)
	}
	if c.Base != nil {
		c.Base = marked(c.Base).(map[string]any)
	}
	return c
}

func copied(values map[string]any) map[string]any {
	text, err := json.Marshal(values)
	must(err)
	result := map[string]any{}
	must(json.Unmarshal(text, &result))
	if result == nil {
		result = map[string]any{}
	}
	return result
}

// marked writes whole float64 numbers with a fraction, so that they differ from integers.
func marked(value any) any {
	switch v := value.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return json.RawMessage(strconv.FormatFloat(v, 'f', 1, 64))
		}
		return json.RawMessage(strconv.FormatFloat(v, 'e', -1, 64))
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = marked(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k := range v {
			out[k] = marked(v[k])
		}
		return out
	}
	return value
}

type chart struct {
	Name         string          `json:"name"`
	Values       json.RawMessage `json:"values"`
	Dependencies []chart         `json:"dependencies,omitempty"`
}

type coalesceCase struct {
	Chart    chart             `json:"chart"`
	Files    []json.RawMessage `json:"files"`
	Values   json.RawMessage   `json:"values,omitempty"`
	Warnings []string          `json:"warnings,omitempty"`
	Error    string            `json:"error,omitempty"`
}

func (c chart) write(folder string) {
	must(os.MkdirAll(filepath.Join(folder, "templates"), 0o755))
	meta := fmt.Sprintf("apiVersion: v2\nname: %s\nversion: 0.1.0\n", c.Name)
	must(os.WriteFile(filepath.Join(folder, "Chart.yaml"), []byte(meta), 0o644))
	must(os.WriteFile(filepath.Join(folder, "values.yaml"), c.Values, 0o644))
	for _, dependency := range c.Dependencies {
		dependency.write(filepath.Join(folder, "charts", dependency.Name))
	}
}

var stamp = regexp.MustCompile(`^coalesce\.go:\d+: `)

func coalesce(line []byte) any {
	var c coalesceCase
	must(json.Unmarshal(line, &c))
	c.Values, c.Warnings, c.Error = nil, nil, ""
	folder, err := os.MkdirTemp("", "oracle")
	must(err)
	defer os.RemoveAll(folder)
	c.Chart.write(filepath.Join(folder, "chart"))
	template := []byte("values: {{ toJson .Values | quote }}\n")
	must(os.WriteFile(filepath.Join(folder, "chart", "templates", "v.yaml"), template, 0o644))
	arguments := []string{"template", "x", filepath.Join(folder, "chart")}
	for i, values := range c.Files {
		file := filepath.Join(folder, fmt.Sprintf("%d.yaml", i))
		must(os.WriteFile(file, values, 0o644))
		arguments = append(arguments, "-f", file)
	}
	helm := os.Getenv("HELM")
	if helm == "" {
		helm = "helm"
	}
	command := exec.Command(helm, arguments...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	for _, text := range strings.Split(strings.TrimSpace(stderr.String()), "\n") {
		if stamp.MatchString(text) {
			c.Warnings = append(c.Warnings, text)
		}
	}
	if err != nil {
		c.Error = strings.TrimSpace(stderr.String())
		return c
	}
	_, quoted, _ := strings.Cut(stdout.String(), "values: ")
	var text string
	must(json.Unmarshal([]byte(strings.TrimSpace(quoted)), &text))
	c.Values = json.RawMessage(text)
	return c
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	fill := map[string]func([]byte) any{"set": set, "coalesce": coalesce}[os.Args[1]]
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for in.Scan() {
		must(encoder.Encode(fill(in.Bytes())))
	}
	must(in.Err())
}
