// Oracle fills the tables in this folder with what Go does: how sigs.k8s.io/yaml reads a YAML text, and how it writes a value.
//
//	go run . read  < ../read.jsonl  > read.new  && mv read.new  ../read.jsonl
//	go run . write < ../write.jsonl > write.new && mv write.new ../write.jsonl
//
// A line of read.jsonl is {"yaml": TEXT} and gains "json" (the JSON text) or "error". A line of write.jsonl is
// {"value": JSON} and gains "yaml" or "error".
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"sigs.k8s.io/yaml"
)

type readCase struct {
	YAML  string  `json:"yaml"`
	JSON  *string `json:"json,omitempty"`
	Error string  `json:"error,omitempty"`
}

type writeCase struct {
	Value json.RawMessage `json:"value"`
	YAML  *string         `json:"yaml,omitempty"`
	Error string          `json:"error,omitempty"`
}

func read(line []byte) any {
	var c readCase
	must(json.Unmarshal(line, &c))
	c.JSON, c.Error = nil, ""
	out, err := guarded(func() ([]byte, error) { return yaml.YAMLToJSON([]byte(c.YAML)) })
	if err != nil {
		c.Error = err.Error()
	} else {
		text := string(out)
		c.JSON = &text
	}
	return c
}

// write keeps integers integers, as Helm's values from --set are, and makes float64 of everything else.
func write(line []byte) any {
	var c writeCase
	must(json.Unmarshal(line, &c))
	c.YAML, c.Error = nil, ""
	decoder := json.NewDecoder(bytes.NewReader(c.Value))
	decoder.UseNumber()
	var value any
	must(decoder.Decode(&value))
	out, err := guarded(func() ([]byte, error) { return yaml.Marshal(numbers(value)) })
	if err != nil {
		c.Error = err.Error()
	} else {
		text := string(out)
		c.YAML = &text
	}
	return c
}

func numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(v.String(), 10, 64); err == nil {
			return u
		}
		f, err := v.Float64()
		must(err)
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return value
}

func guarded(f func() ([]byte, error)) (out []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return f()
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	fill := map[string]func([]byte) any{"read": read, "write": write}[os.Args[1]]
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
