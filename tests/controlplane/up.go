package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// exitWithStdin is the variable that tells a component to exit when its standard input
// ends. Every child gets one end of a pipe whose other end only the parent holds, so that
// no child outlives a parent, however that one died.
const exitWithStdin = "CONTROLPLANE_EXIT_WITH_STDIN"

func newUpCommand() *cobra.Command {
	var options upOptions
	command := &cobra.Command{
		Use:   "up",
		Short: "start a whole control plane with fake nodes",
		Long: `Starts etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok on free
loopback ports, makes the fake nodes and a default StorageClass, then writes
DIR/kubeconfig (last, and in one step: when it is there, the cluster is ready) and
prints its path. Runs until SIGTERM or SIGINT, and keeps nothing but DIR/logs.`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(*cobra.Command, []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return up(ctx, options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.dir, "dir", "", "folder for data, logs and the kubeconfig (default: a temporary one, removed at the end)")
	flags.StringVar(&options.kwok, "kwok", "", "the kwok binary (default: the one beside this binary)")
	flags.IntVar(&options.nodes, "nodes", 2, "number of fake nodes")
	flags.BoolVar(&options.audit, "audit", false, "write every request that changes something to DIR/logs/audit.log, one JSON object a line")
	flags.BoolVar(&options.untilStdin, "until-stdin-closes", false, "also stop when standard input ends: for a caller that may be killed")
	return command
}

type upOptions struct {
	dir        string
	kwok       string
	nodes      int
	untilStdin bool
	audit      bool
}

// up runs the control plane until ctx ends or a component does.
func up(ctx context.Context, options upOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if options.untilStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	if options.dir == "" {
		dir, err := os.MkdirTemp("", "controlplane-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		options.dir = dir
	}
	dir, err := filepath.Abs(options.dir)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if options.kwok == "" {
		options.kwok = filepath.Join(filepath.Dir(self), "kwok")
	}
	for _, sub := range []string{"logs", "pki"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}

	data := filepath.Join(dir, "etcd")
	_ = os.RemoveAll(data) // left by a run that was killed
	defer os.RemoveAll(data)
	etcd, err := startEtcd(ctx, data, "http://127.0.0.1:0", filepath.Join(dir, "logs", "etcd.log"))
	if err != nil {
		return err
	}
	defer etcd.Close()
	keys, err := writeKeys(filepath.Join(dir, "pki"))
	if err != nil {
		return err
	}
	children := &children{dir: dir, exited: make(chan error, 8)}
	defer children.kill()

	var audit []string
	if options.audit {
		if audit, err = auditFlags(dir); err != nil {
			return err
		}
	}
	cluster, err := startAPIServer(ctx, children, self, "http://"+etcd.Clients[0].Addr().String(), keys, audit)
	if err != nil {
		return err
	}
	// The file under its final name says "ready"; until then, the components use this one.
	config := filepath.Join(dir, "kubeconfig.starting")
	defer os.Remove(config)
	if err := cluster.writeKubeconfig(config); err != nil {
		return err
	}
	// Requests of the controllers are not held back: the tests wait for them.
	client := []string{"--kubeconfig=" + config, "--kube-api-qps=500", "--kube-api-burst=1000"}
	if _, err := children.start("kube-controller-manager", self, append([]string{
		"kube-controller-manager",
		"--leader-elect=false",
		"--secure-port=0",
		"--root-ca-file=" + keys.authority,
		"--service-account-private-key-file=" + keys.accountKey,
		"--enable-hostpath-provisioner=true",
		"--concurrent-namespace-syncs=20",
	}, client...)...); err != nil {
		return err
	}
	if _, err := children.start("kube-scheduler", self, append([]string{
		"kube-scheduler",
		"--leader-elect=false",
		"--secure-port=0",
	}, client...)...); err != nil {
		return err
	}
	stages := filepath.Join(dir, "stages.yaml")
	written, err := exec.Command(options.kwok, "stages").Output()
	if err != nil {
		return fmt.Errorf("%s stages: %w", options.kwok, err)
	}
	if err := os.WriteFile(stages, written, 0o600); err != nil {
		return err
	}
	if _, err := children.start("kwok", options.kwok,
		"--kubeconfig="+config,
		"--config="+stages,
		"--manage-all-nodes=false",
		"--manage-nodes-with-annotation-selector="+fakeNode+"=fake",
		// Renewed every quarter of that: well within the 50 s after which a node counts as lost.
		"--node-lease-duration-seconds=40",
	); err != nil {
		return err
	}

	err = children.orExit(ctx, func(ctx context.Context) error { return cluster.furnish(ctx, options.nodes) })
	if err != nil {
		return err
	}
	ready := filepath.Join(dir, "kubeconfig")
	_ = os.Remove(ready) // likewise
	if err := os.Link(config, ready); err != nil {
		return err
	}
	fmt.Println(ready)

	err = children.orExit(ctx, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	_ = os.Remove(ready)
	cluster.removeVolumeFolders()
	return err
}

// auditFlags has kube-apiserver write down who changed what, without what was sent. Every line is written before the
// request is answered.
func auditFlags(dir string) ([]string, error) {
	policy := filepath.Join(dir, "audit-policy.yaml")
	text := `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, verbs: [create, update, patch, delete, deletecollection]}
- {level: None}
`
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return []string{
		"--audit-policy-file=" + policy,
		"--audit-log-path=" + filepath.Join(dir, "logs", "audit.log"),
		"--audit-log-mode=blocking",
	}, nil
}

// startAPIServer starts kube-apiserver on a free port and waits until it is ready.
// Between the choice of the port and its use another program may take it: then once more.
func startAPIServer(ctx context.Context, children *children, self, etcd string, keys *keys, more []string) (*cluster, error) {
	var problem error
	for attempt := 0; attempt < 3; attempt++ {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		server, err := children.start("kube-apiserver", self, append([]string{
			"kube-apiserver",
			"--etcd-servers=" + etcd,
			"--bind-address=127.0.0.1",
			"--secure-port=" + strconv.Itoa(port),
			"--tls-cert-file=" + keys.serverCertificate,
			"--tls-private-key-file=" + keys.serverKey,
			"--authorization-mode=RBAC",
			"--token-auth-file=" + keys.tokens,
			"--service-account-issuer=https://127.0.0.1:" + strconv.Itoa(port),
			"--service-account-key-file=" + keys.accountPublic,
			"--service-account-signing-key-file=" + keys.accountKey,
			"--service-cluster-ip-range=10.0.0.0/16",
			// Pods get no token, and nodes no taint that their kubelet would have to see removed.
			"--disable-admission-plugins=ServiceAccount,TaintNodesByCondition",
			"--endpoint-reconciler-type=none",
			"--allow-privileged=true",
			"--profiling=false",
		}, more...)...)
		if err != nil {
			return nil, err
		}
		cluster, err := newCluster("https://127.0.0.1:"+strconv.Itoa(port), keys)
		if err != nil {
			return nil, err
		}
		problem = children.orExit(ctx, cluster.waitUntilServing)
		if problem == nil {
			return cluster, nil
		}
		_ = server.Process.Kill()
		if ctx.Err() != nil {
			break
		}
	}
	return nil, problem
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// children are the processes of the components.
type children struct {
	dir     string
	running []*exec.Cmd
	// exited gets what each process ended with, with its name and the end of its log.
	exited chan error
}

// start runs a component with its output in logs/NAME.log.
func (c *children) start(name, program string, arguments ...string) (*exec.Cmd, error) {
	path := filepath.Join(c.dir, "logs", name+".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(program, arguments...)
	command.Dir = c.dir
	command.Env = append(os.Environ(), exitWithStdin+"=1")
	command.Stdout, command.Stderr = log, log
	if _, err := command.StdinPipe(); err != nil { // stays open as long as this process lives
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c.running = append(c.running, command)
	go func() {
		err := command.Wait()
		c.exited <- fmt.Errorf("%s ended: %v; its log, %s, ends with\n%s", name, err, path, tail(path, 2000))
	}()
	return command, nil
}

// orExit runs work, and stops it with an error as soon as any of the processes ends.
func (c *children) orExit(ctx context.Context, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	select {
	case err := <-done:
		return err
	case err := <-c.exited:
		return err
	}
}

// kill ends all processes at once: what they hold is thrown away.
func (c *children) kill() {
	for _, command := range c.running {
		_ = command.Process.Kill()
	}
	deadline := time.After(10 * time.Second)
	for range c.running {
		select {
		case <-c.exited:
		case <-deadline:
			return
		}
	}
}

func tail(path string, size int64) string {
	file, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if _, err := file.Seek(-size, io.SeekEnd); err != nil && !errors.Is(err, os.ErrInvalid) {
		_, _ = file.Seek(0, io.SeekStart)
	}
	text, err := io.ReadAll(file)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
