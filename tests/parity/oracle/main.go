// The oracle renders charts as `helm template` does, many a second: one case of JSON per line in, one answer per line out.
// It is held against the real binary by tests/parity/mod.rs; what is not in helm's packages (the command's own steps) is
// repeated here, in helm's order.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/pkg/errors"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"helm.sh/helm/v3/pkg/strvals"
	"sigs.k8s.io/yaml"
)

// How long a case may take.
const patience = 20 * time.Second

type request struct {
	// Files of the chart, by path.
	Files map[string]string `json:"files"`
	// Texts of values files.
	Values []string `json:"values"`
	// Arguments of --set.
	Set []string `json:"set"`
}

// Bytes are in base64: a template can write what is no UTF-8.
type answer struct {
	Out []byte `json:"out,omitempty"`
	Err []byte `json:"err,omitempty"`
}

func render(r request) (out string, err error) {
	// What helm lets fall ends its process; the test only has to know that it did.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	values := map[string]any{}
	for i, text := range r.Values {
		current := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &current); err != nil {
			return "", errors.Wrapf(err, "failed to parse %d.yaml", i)
		}
		values = merged(values, current)
	}
	for _, line := range r.Set {
		if err := strvals.ParseInto(line, values); err != nil {
			return "", errors.Wrap(err, "failed parsing --set data")
		}
	}
	var files []*loader.BufferedFile
	for name, text := range r.Files {
		files = append(files, &loader.BufferedFile{Name: name, Data: []byte(text)})
	}
	sort.Slice(files, func(i, j int) bool { return files[i].Name < files[j].Name })
	loaded, err := loader.LoadFiles(files)
	if err != nil {
		return "", err
	}
	switch loaded.Metadata.Type {
	case "", "application":
	default:
		return "", errors.Errorf("%s charts are not installable", loaded.Metadata.Type)
	}
	if err := missing(loaded); err != nil {
		return "", err
	}
	if err := chartutil.ProcessDependenciesWithMerge(loaded, values); err != nil {
		return "", err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	options := chartutil.ReleaseOptions{Name: "x", Namespace: "default", Revision: 1, IsInstall: true}
	scope, err := chartutil.ToRenderValuesWithSchemaValidation(loaded, values, options, capabilities, false)
	if err != nil {
		return "", err
	}
	rendered, err := engine.Engine{}.Render(loaded, scope)
	if err != nil {
		return "", err
	}
	for name := range rendered {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(rendered, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(rendered, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", err
	}
	var all, text bytes.Buffer
	for _, m := range manifests {
		fmt.Fprintf(&all, "---\n# Source: %s\n%s\n", m.Name, m.Content)
	}
	fmt.Fprintln(&text, strings.TrimSpace(all.String()))
	for _, h := range hooks {
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", h.Path, h.Manifest)
	}
	return text.String(), nil
}

func missing(c *chart.Chart) error {
	var names []string
	for _, wanted := range c.Metadata.Dependencies {
		found := false
		for _, held := range c.Dependencies() {
			found = found || held.Name() == wanted.Name
		}
		if !found {
			names = append(names, wanted.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return errors.Errorf("An error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: %s", strings.Join(names, ", "))
}

func merged(a, b map[string]any) map[string]any {
	out := make(map[string]any, len(a))
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		if v, ok := v.(map[string]any); ok {
			if old, ok := out[k].(map[string]any); ok {
				out[k] = merged(old, v)
				continue
			}
		}
		out[k] = v
	}
	return out
}

func main() {
	log.SetOutput(io.Discard)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		var a answer
		// What helm does not end with in time ends here; the test starts another.
		late := time.AfterFunc(patience, func() { os.Exit(3) })
		text, err := render(r)
		late.Stop()
		if err != nil {
			a.Err = []byte(err.Error())
		} else {
			a.Out = []byte(text)
		}
		if err := encoder.Encode(a); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}
