module evenkeel.dev/tests/values/oracle

go 1.24

require helm.sh/helm/v3 v3.17.3

require (
	github.com/pkg/errors v0.9.1 // indirect
	sigs.k8s.io/yaml v1.4.0 // indirect
)
