// Oracle fills schema.jsonl with what helm 3.17.3 says of values and a values.schema.json. It stands on the two libraries that
// helm does this with, in the versions that helm has, and is built with the Go that helm is built with:
//
//	go run . < ../schema.jsonl > schema.new && mv schema.new ../schema.jsonl
//
// A line is {"schema": JSON or "text": TEXT, "values": VALUES} and gains "error": what helm writes below the chart's name.
// gojsonschema walks maps in Go's random order: "unordered" says that the lines come in another order each time (they are
// sorted then); a case whose lines themselves change is refused.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/xeipuuv/gojsonschema"
	"sigs.k8s.io/yaml"
)

type schemaCase struct {
	Schema    json.RawMessage `json:"schema,omitempty"`
	Text      *string         `json:"text,omitempty"`
	Values    json.RawMessage `json:"values"`
	Error     string          `json:"error,omitempty"`
	Unordered bool            `json:"unordered,omitempty"`
}

// validate does what helm's chartutil.ValidateAgainstSingleSchema does.
func validate(schema, given []byte) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("unable to validate schema: %s", r)
		}
	}()
	values := map[string]any{}
	must(yaml.Unmarshal(given, &values))
	asYAML, err := yaml.Marshal(values)
	if err != nil {
		return err.Error()
	}
	asJSON, err := yaml.YAMLToJSON(asYAML)
	if err != nil {
		return err.Error()
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewBytesLoader(asJSON))
	if err != nil {
		return err.Error()
	}
	for _, fault := range result.Errors() {
		text += fmt.Sprintf("- %s\n", fault)
	}
	return text
}

func sorted(text string) string {
	lines := strings.SplitAfter(text, "\n")
	sort.Strings(lines)
	return strings.Join(lines, "")
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<26)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for in.Scan() {
		var c schemaCase
		must(json.Unmarshal(in.Bytes(), &c))
		schema := []byte(c.Schema)
		if c.Text != nil {
			schema = []byte(*c.Text)
		}
		c.Error, c.Unordered = validate(schema, c.Values), false
		for range 20 {
			again := validate(schema, c.Values)
			if sorted(again) != sorted(c.Error) {
				panic(fmt.Sprintf("never the same: %s\n%s\n%s", in.Text(), c.Error, again))
			}
			c.Unordered = c.Unordered || again != c.Error
		}
		if c.Unordered {
			c.Error = sorted(c.Error)
		}
		must(encoder.Encode(c))
	}
	must(in.Err())
}
