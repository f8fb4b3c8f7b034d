package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/embed"
)

// startEtcd starts a one-member etcd that keeps its data in dir and serves clients at
// listen (a URL), with its log in a file or "stderr". It returns when the member answers.
// Nothing is flushed to disk: the data of a test need not survive a power cut.
func startEtcd(ctx context.Context, dir, listen, log string) (*embed.Etcd, error) {
	client, err := url.Parse(listen)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	// A lone member talks to no peer, but the listener cannot be left out.
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	config := embed.NewConfig()
	config.Dir = dir
	config.ListenClientUrls = []url.URL{*client}
	config.AdvertiseClientUrls = []url.URL{*client}
	config.ListenPeerUrls = []url.URL{peer}
	config.AdvertisePeerUrls = []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.UnsafeNoFsync = true
	config.LogLevel = "error"
	config.LogOutputs = []string{log}
	config.EnableGRPCGateway = false // would dial the port as it was asked for, 0
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, nil
	case err := <-etcd.Err():
		etcd.Close()
		return nil, fmt.Errorf("etcd: %w", err)
	case <-ctx.Done():
		etcd.Close()
		return nil, ctx.Err()
	case <-time.After(time.Minute):
		etcd.Close()
		return nil, errors.New("etcd: not ready after a minute")
	}
}

func newEtcdCommand() *cobra.Command {
	var dir, listen string
	command := &cobra.Command{
		Use:          "etcd",
		Short:        "run one etcd member until SIGTERM",
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			etcd, err := startEtcd(ctx, dir, listen, "stderr")
			if err != nil {
				return err
			}
			defer etcd.Close()
			fmt.Printf("http://%s\n", etcd.Clients[0].Addr())
			select {
			case <-ctx.Done():
				return nil
			case err := <-etcd.Err():
				return err
			}
		},
	}
	command.Flags().StringVar(&dir, "data-dir", "default.etcd", "folder of the data")
	command.Flags().StringVar(&listen, "listen-client-urls", "http://127.0.0.1:2379", "where to serve clients; port 0 for a free one, which is printed")
	return command
}
