// Prints the names of all functions that helm registers for templates, sorted: one a line.
package main

import (
	"fmt"
	"slices"
	"text/template"
	_ "unsafe" // for linkname

	_ "helm.sh/helm/v3/pkg/engine"
)

//go:linkname helmFunctions helm.sh/helm/v3/pkg/engine.funcMap
func helmFunctions() template.FuncMap

func main() {
	var names []string
	for name := range helmFunctions() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Println(name)
	}
}
