// Command kwok plays the kubelets of fake nodes: it is sigs.k8s.io/kwok with its own flags,
// and two additions. `kwok stages` prints what happens to nodes and pods, for --config; and
// it ends with its standard input when CONTROLPLANE_EXIT_WITH_STDIN is set.
package main

import (
	_ "embed"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
	node "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	heartbeat "sigs.k8s.io/kwok/kustomize/stage/node/heartbeat-with-lease"
	pod "sigs.k8s.io/kwok/kustomize/stage/pod/fast"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/cmd"
	"sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
)

// ends holds the stages in which a pod ends: kwok's own know of Jobs alone, and of success.
//
//go:embed pod-ends.yaml
var ends string

// images holds what becomes of pods whose image cannot be pulled.
//
//go:embed pod-image.yaml
var images string

func main() {
	if len(os.Args) == 2 && os.Args[1] == "stages" {
		for _, stage := range []string{
			node.DefaultNodeInit,
			heartbeat.DefaultNodeHeartbeatWithLease,
			pod.DefaultPodReady,
			pod.DefaultPodDelete,
			ends,
			images,
		} {
			fmt.Printf("---\n%s\n", stage)
		}
		return
	}
	if os.Getenv("CONTROLPLANE_EXIT_WITH_STDIN") != "" {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kwok:", err)
		os.Exit(1)
	}
}

// run gives kwok's command its context: logger and the files of --config, which it takes
// from flags of their own set.
func run() error {
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := log.InitFlags(signals.SetupSignalContext(), flags)
	ctx, err := config.InitFlags(ctx, flags)
	if err != nil {
		return err
	}
	command := cmd.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	return command.ExecuteContext(ctx)
}
