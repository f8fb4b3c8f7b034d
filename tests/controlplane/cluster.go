package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	watchtools "k8s.io/client-go/tools/watch"
)

// fakeNode is the annotation that marks the nodes that kwok plays the kubelet of.
const fakeNode = "kwok.x-k8s.io/node"

// volumeFolders is where the controller manager's host path provisioner makes a folder for
// each volume. It cannot be told another place.
const volumeFolders = "/tmp/hostpath_pv/"

// cluster is the running API server, as its administrator sees it.
type cluster struct {
	server string
	keys   *keys
	client kubernetes.Interface
}

func newCluster(server string, keys *keys) (*cluster, error) {
	client, err := kubernetes.NewForConfig(&rest.Config{
		Host:            server,
		BearerToken:     keys.token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: keys.authority},
		QPS:             -1,
	})
	return &cluster{server: server, keys: keys, client: client}, err
}

// writeKubeconfig writes a kubeconfig of the administrator, which needs no other file.
func (c *cluster) writeKubeconfig(path string) error {
	authority, err := os.ReadFile(c.keys.authority)
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["controlplane"] = &clientcmdapi.Cluster{Server: c.server, CertificateAuthorityData: authority}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: c.keys.token}
	config.Contexts["controlplane"] = &clientcmdapi.Context{Cluster: "controlplane", AuthInfo: "admin"}
	config.CurrentContext = "controlplane"
	return clientcmd.WriteToFile(*config, path)
}

// waitUntilServing returns when the API server says that it is ready. It has no way to tell
// but being asked.
func (c *cluster) waitUntilServing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for {
		_, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("kube-apiserver is not ready: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// furnish makes what every real cluster has: nodes and a default StorageClass; and waits
// until a pod could be scheduled.
func (c *cluster) furnish(ctx context.Context, nodes int) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	immediate := storagev1.VolumeBindingImmediate
	_, err := c.client.StorageV1().StorageClasses().Create(ctx, &storagev1.StorageClass{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "standard",
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner:       "kubernetes.io/host-path",
		VolumeBindingMode: &immediate,
	}, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("storage class: %w", err)
	}
	for number := 1; number <= nodes; number++ {
		name := fmt.Sprintf("node-%d", number)
		_, err := c.client.CoreV1().Nodes().Create(ctx, &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{
				Name:        name,
				Annotations: map[string]string{fakeNode: "fake", "node.alpha.kubernetes.io/ttl": "0"},
				Labels: map[string]string{
					"kubernetes.io/arch":     "amd64",
					"kubernetes.io/os":       "linux",
					"kubernetes.io/hostname": name,
					"type":                   "kwok",
				},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for number := 1; number <= nodes; number++ {
		name := fmt.Sprintf("node-%d", number)
		if err := c.waitUntilReady(ctx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// waitUntilReady waits until the node is ready and has no taint.
func (c *cluster) waitUntilReady(ctx context.Context, node string) error {
	one := fields.OneTermEqualSelector("metadata.name", node)
	nodes := cache.NewListWatchFromClient(c.client.CoreV1().RESTClient(), "nodes", "", one)
	_, err := watchtools.UntilWithSync(ctx, nodes, &corev1.Node{}, nil,
		func(event watch.Event) (bool, error) {
			seen, isNode := event.Object.(*corev1.Node)
			if !isNode || len(seen.Spec.Taints) > 0 {
				return false, nil
			}
			for _, condition := range seen.Status.Conditions {
				if condition.Type == corev1.NodeReady {
					return condition.Status == corev1.ConditionTrue, nil
				}
			}
			return false, nil
		})
	return err
}

// removeVolumeFolders removes the folders of the volumes that are still there at the end.
func (c *cluster) removeVolumeFolders() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	volumes, err := c.client.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	for _, volume := range volumes.Items {
		if source := volume.Spec.HostPath; source != nil && strings.HasPrefix(source.Path, volumeFolders) {
			_ = os.Remove(source.Path) // only an empty folder: nothing ever writes into one
		}
	}
}
