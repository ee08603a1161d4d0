// Package policies enforces NetworkPolicies on one node.
//
// The first packet of each connection from or to a pod waits in a queue of the
// kernel until it is known whose addresses it has and what the policies say; all
// later ones pass by themselves. The kernel's rules are there only while there is
// a policy. A node whose agent does not run lets no new connection through while
// its rules are there, so that what was forbidden stays so.
//
// The way is that of sigs.k8s.io/kube-network-policies, whose rule for the queue
// needs a newer kernel and whose cure for fresh pods needs a newer containerd.
package policies

import (
	"context"
	"flag"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// pause is the shortest time between two looks at the connections that go on.
const pause = 20 * time.Millisecond

// notEnforced is what `labs status` looks for in the log.
const notEnforced = "NetworkPolicies are not enforced here"

// Run is the command: it returns when it was told to end.
func Run() {
	kubeconfig := flag.String("kubeconfig", "", "the file that says how to reach the API server")
	nodePods := flag.String("node-pods", "", "the addresses of this node's pods, such as 10.244.1.0/24")
	allPods := flag.String("all-pods", "", "the addresses of all pods, such as 10.244.0.0/16")
	leases := flag.String("leases", "/run/cni/kube-labs", "where CNI's host-local keeps whose address is whose")
	sandboxes := flag.String("sandboxes", "/run/containerd/io.containerd.runtime.v2.task/k8s.io", "containerd's tasks")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, *kubeconfig, *nodePods, *allPods, *leases, *sandboxes); err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, nodePods, allPods, leases, sandboxes string) error {
	near, err := netip.ParsePrefix(nodePods)
	if err != nil {
		return err
	}
	far, err := netip.ParsePrefix(allPods)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	changes := make(chan struct{}, 1)
	cluster, err := watch(ctx, client, changes)
	if err != nil {
		return err
	}
	judge := &judge{cluster, &owners{cluster, near, far, leases, sandboxes}}
	rules := &rules{pods: near}
	err = listen(ctx, judge)
	if err == nil {
		// before it is known whether there is a policy: a pod that starts meanwhile waits, and is not in the open
		err = rules.set(true)
	}
	if err != nil { // all else of the node works without
		log.Printf("%s: %v", notEnforced, err)
		<-ctx.Done()
		return nil
	}
	go func() {
		cluster.wait(ctx)
		log.Print("the cluster's policies are known")
		notify(changes)
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
		}
		if !cluster.synced.Load() {
			continue
		}
		wanted := cluster.hasPolicies()
		if err := rules.set(wanted); err != nil {
			log.Print(err)
			time.AfterFunc(time.Second, func() { notify(changes) })
			continue
		}
		if wanted {
			judge.sweep()
		}
		time.Sleep(pause)
	}
}

// notify tells of a change, unless one waits to be seen already.
func notify(changes chan struct{}) {
	select {
	case changes <- struct{}{}:
	default:
	}
}
