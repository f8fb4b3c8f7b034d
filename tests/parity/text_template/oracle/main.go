// The oracle answers the cases of ../cases with Go's own text/template: one line of JSON per case, output or error.
// The Rust test replays the same cases with the same functions (src/template/tests.rs) and compares.
//
//	go run . ../cases ../expected/go1.26
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

type person struct {
	Name  string
	Age   int
	Tags  []string
	Next  *person
	Extra map[string]int
	Any   any
}

// Person is exported under its Go name so that fields and methods are visible to templates.
type Person = person

func (p *person) Greet(word string) string { return word + ", " + p.Name }
func (p *person) Self() *person            { return p }
func (p *person) Fail() (string, error)    { return "", errors.New("person failed") }
func (p *person) Sum(first int, rest ...int) int {
	for _, n := range rest {
		first += n
	}
	return first
}

type version struct{ Major, Minor int }

func (v version) String() string { return fmt.Sprintf("v%d.%d", v.Major, v.Minor) }

type set []string

func (s set) Has(name string) bool {
	for _, have := range s {
		if have == name {
			return true
		}
	}
	return false
}

type files map[string][]byte

func (f files) Get(name string) string { return string(f[name]) }

type values map[string]any

func (v values) Keys() int { return len(v) }

func functions(root *template.Template) template.FuncMap {
	return template.FuncMap{
		"any":   func(v any) any { return v },
		"str":   func(v string) string { return v },
		"int":   func(v int) int { return v },
		"i32":   func(v int32) int32 { return v },
		"i64":   func(v int64) int64 { return v },
		"u8":    func(v uint8) uint8 { return v },
		"u":     func(v uint) uint { return v },
		"u64":   func(v uint64) uint64 { return v },
		"flt":   func(v float64) float64 { return v },
		"cplx":  func(v complex128) complex128 { return v },
		"yes":   func(v bool) bool { return v },
		"strs":  func(v ...string) []string { return v },
		"ints":  func(v ...int) []int { return v },
		"list":  func(v ...any) []any { return v },
		"bytes": func(v string) []byte { return []byte(v) },
		"first": func(v []any) any { return v[0] },
		"takes": func(v []string) int { return len(v) },
		"blob":  func(v []byte) int { return len(v) },
		"size":  func(v map[string]any) int { return len(v) },
		"dict": func(v ...any) map[string]any {
			out := map[string]any{}
			for i := 0; i+1 < len(v); i += 2 {
				out[v[i].(string)] = v[i+1]
			}
			return out
		},
		"set":     func(m map[string]any, k string, v any) map[string]any { m[k] = v; return m },
		"smap":    func() map[string]string { return map[string]string{"a": "x", "b": "y"} },
		"nothing": func() any { return nil },
		"nilmap":  func() map[string]any { return nil },
		"nillist": func() []any { return nil },
		"rest":    func(head string, n ...int) string { return fmt.Sprint(head, len(n)) },
		"fail":    func(text string) (string, error) { return "", errors.New(text) },
		"err":     func(text string) error { return errors.New(text) },
		"join": func(sep string, v ...any) string {
			return strings.ReplaceAll(strings.TrimSpace(fmt.Sprintln(v...)), " ", sep)
		},
		"adder": func() func(int, int) int { return func(a, b int) int { return a + b } },
		"person": func() *person {
			return &person{Name: "Ann", Age: 7, Tags: []string{"x", "y"}, Extra: map[string]int{"k": 1}}
		},
		"version":  func() version { return version{1, 29} },
		"versions": func() set { return set{"v1", "apps/v1"} },
		"files":    func() files { return files{"a.txt": []byte("hello"), "b.bin": {0xff, 0xfe}} },
		"values":   func() values { return values{"a": 1.0} },
		"include": func(name string, data any) (string, error) {
			var out strings.Builder
			err := root.ExecuteTemplate(&out, name, data)
			return out.String(), err
		},
	}
}

type named struct{ name, text string }

type answer struct {
	Out *string `json:"out,omitempty"`
	Err *string `json:"err,omitempty"`
}

func run(option, name, text string, others []named, data any) (result answer) {
	root := template.New("root")
	root.Funcs(functions(root))
	if option != "" {
		root.Option(option)
	}
	fail := func(err error) answer { text := err.Error(); return answer{Err: &text} }
	// Where Go itself panics there is nothing to agree with; the replay passes over these.
	defer func() {
		if r := recover(); r != nil {
			result = fail(fmt.Errorf("panic: %v", r))
		}
	}()
	for _, other := range others {
		if _, err := root.New(other.name).Parse(other.text); err != nil {
			return fail(err)
		}
	}
	t, err := root.New(name).Parse(text)
	if err != nil {
		return fail(err)
	}
	var out strings.Builder
	if err := t.Execute(&out, data); err != nil {
		return fail(err)
	}
	written := out.String()
	return answer{Out: &written}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	cases, err := filepath.Glob(filepath.Join(os.Args[1], "*.txt"))
	check(err)
	check(os.MkdirAll(os.Args[2], 0o755))
	for _, path := range cases {
		content, err := os.ReadFile(path)
		check(err)
		var (
			out    strings.Builder
			data   = "null"
			option string
			others []named
		)
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		for _, line := range strings.Split(string(content), "\n") {
			line = strings.ReplaceAll(line, "⏎", "\n")
			switch {
			case line == "" || strings.HasPrefix(line, "@#"):
			case strings.HasPrefix(line, "@data "):
				data = line[6:]
			case strings.HasPrefix(line, "@option"):
				option = strings.TrimSpace(line[7:])
			case strings.HasPrefix(line, "@template "):
				name, text, _ := strings.Cut(line[10:], " ")
				others = append(others, named{name, text})
			case line == "@clear":
				others = nil
			default:
				// Templates change their data: each case gets its own.
				var fresh any
				check(json.Unmarshal([]byte(data), &fresh))
				check(enc.Encode(run(option, "t", line, others, fresh)))
			}
		}
		check(os.WriteFile(filepath.Join(os.Args[2], filepath.Base(path)), []byte(out.String()), 0o644))
	}
}
