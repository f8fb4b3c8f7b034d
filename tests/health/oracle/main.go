// Answers what kstatus says of each object on standard input: one JSON line `{name, object}` in, `{name, object, kstatus}` out.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type line struct {
	Name    string         `json:"name"`
	Object  map[string]any `json:"object"`
	Kstatus string         `json:"kstatus"`
	Ours    string         `json:"ours,omitempty"`
	Why     string         `json:"why,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var l line
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			fmt.Fprintln(os.Stderr, in.Text(), err)
			os.Exit(1)
		}
		var u unstructured.Unstructured
		text, _ := json.Marshal(l.Object)
		if err := u.UnmarshalJSON(text); err != nil {
			fmt.Fprintln(os.Stderr, l.Name, err)
			os.Exit(1)
		}
		result, err := status.Compute(&u)
		if err != nil {
			l.Kstatus = "error: " + err.Error()
		} else {
			l.Kstatus = result.Status.String()
		}
		var answer bytes.Buffer
		encoder := json.NewEncoder(&answer)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(l); err != nil {
			panic(err)
		}
		out.Write(answer.Bytes())
	}
}
