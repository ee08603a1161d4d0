package policies

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
)

// patience is how long a packet waits for the pod that has its address to be known,
// which is looked for again and again.
const (
	patience = 5 * time.Second
	again    = 5 * time.Millisecond
)

// The annotations by which containerd notes whose sandbox one is (its pkg/cri/annotations).
const (
	sandboxNamespace = "io.kubernetes.cri.sandbox-namespace"
	sandboxName      = "io.kubernetes.cri.sandbox-name"
)

// The owners of addresses. What a pod's status says comes too late for a pod that
// has just started: its own node has it in files before the pod's first instruction.
type owners struct {
	cluster           *cluster
	near, far         netip.Prefix
	leases, sandboxes string
}

// wait is the pod that has an address; nil for one outside the cluster, and for one of which nothing gets known.
func (o *owners) wait(address netip.Addr) *core.Pod {
	for began := time.Now(); ; time.Sleep(again) {
		pod, certain := o.look(address)
		if pod != nil || certain || time.Since(began) > patience {
			return pod
		}
	}
}

// look is the pod that has an address, so far as is known; it is certain of a pod, and of there being none.
func (o *owners) look(address netip.Addr) (pod *core.Pod, certain bool) {
	switch {
	case !o.far.Contains(address):
		return nil, true
	case !o.cluster.synced.Load():
		return nil, false
	case !o.near.Contains(address):
		pod = o.cluster.podAt(address)
		return pod, pod != nil
	}
	sandbox, err := o.sandbox(address)
	if os.IsNotExist(err) { // nobody's any more, or the node's own
		return nil, true
	}
	text, err := os.ReadFile(filepath.Join(o.sandboxes, sandbox, "config.json"))
	if err != nil {
		return nil, false
	}
	var config struct {
		Annotations map[string]string `json:"annotations"`
	}
	if json.Unmarshal(text, &config) != nil {
		return nil, false
	}
	pod = o.cluster.pod(config.Annotations[sandboxNamespace], config.Annotations[sandboxName])
	return pod, pod != nil
}

// sandbox is the id of the sandbox that one of this node's addresses was given to.
func (o *owners) sandbox(address netip.Addr) (string, error) {
	lease, err := os.ReadFile(filepath.Join(o.leases, address.String()))
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(string(lease), "\n") // and the name of its interface
	return strings.TrimSpace(id), nil
}
