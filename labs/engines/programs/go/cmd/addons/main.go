// Command addons holds what the cluster runs besides Kubernetes itself, in one
// executable so that it is linked and stored once: CoreDNS with the plugins of
// kubeadm's Corefile, metrics-server, and what enforces NetworkPolicies on a
// node. The name that it is called by, or its first argument, picks the program.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	"kube-labs/engines/policies"
	metrics "sigs.k8s.io/metrics-server/cmd/metrics-server/app"
)

func main() {
	programs := map[string]func(){
		"coredns":          coremain.Run,
		"network-policies": policies.Run,
		"metrics-server": func() {
			os.Exit(cli.Run(metrics.NewMetricsServerCommand(genericapiserver.SetupSignalHandler())))
		},
	}
	run, ok := programs[filepath.Base(os.Args[0])]
	if !ok && len(os.Args) > 1 {
		run, ok = programs[os.Args[1]]
		os.Args = os.Args[1:]
	}
	if !ok {
		fmt.Fprintln(os.Stderr, "usage: addons coredns|metrics-server|network-policies [ARGUMENT ...]")
		os.Exit(2)
	}
	run()
}
