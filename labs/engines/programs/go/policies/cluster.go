package policies

import (
	"context"
	"maps"
	"net/netip"
	"sync/atomic"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

const byAddress = "address"

// A cluster is what its API server says of policies, pods and namespaces.
type cluster struct {
	policies, pods, namespaces cache.SharedIndexInformer
	synced                     atomic.Bool
}

// watch follows the cluster, and notifies of each change that can change a verdict.
func watch(ctx context.Context, client kubernetes.Interface, changes chan struct{}) (*cluster, error) {
	all := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(slim))
	found := &cluster{
		policies:   all.Networking().V1().NetworkPolicies().Informer(),
		pods:       all.Core().V1().Pods().Informer(),
		namespaces: all.Core().V1().Namespaces().Informer(),
	}
	if err := found.pods.AddIndexers(cache.Indexers{byAddress: addresses}); err != nil {
		return nil, err
	}
	for _, informer := range []cache.SharedIndexInformer{found.policies, found.pods, found.namespaces} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(item any) { notifyOf(item, changes) },
			DeleteFunc: func(item any) { notifyOf(item, changes) },
			UpdateFunc: func(before, now any) {
				if matters(before, now) {
					notify(changes)
				}
			},
		})
		if err != nil {
			return nil, err
		}
	}
	all.Start(ctx.Done())
	return found, nil
}

// wait returns when all that was there is known.
func (c *cluster) wait(ctx context.Context) {
	if cache.WaitForCacheSync(ctx.Done(), c.policies.HasSynced, c.pods.HasSynced, c.namespaces.HasSynced) {
		c.synced.Store(true)
	}
}

func (c *cluster) hasPolicies() bool { return len(c.policies.GetStore().ListKeys()) > 0 }

// policiesOf are those of a pod's namespace that select it and speak of a direction.
func (c *cluster) policiesOf(pod *core.Pod, direction networking.PolicyType) []*networking.NetworkPolicy {
	found, err := c.policies.GetIndexer().ByIndex(cache.NamespaceIndex, pod.Namespace)
	if err != nil {
		panic(err) // there is no such index
	}
	var selecting []*networking.NetworkPolicy
	for _, item := range found {
		policy := item.(*networking.NetworkPolicy)
		for _, one := range policy.Spec.PolicyTypes {
			if one == direction && matches(&policy.Spec.PodSelector, pod.Labels) {
				selecting = append(selecting, policy)
			}
		}
	}
	return selecting
}

// pod is the one of a name, or nil.
func (c *cluster) pod(namespace, name string) *core.Pod {
	found, ok, _ := c.pods.GetStore().GetByKey(namespace + "/" + name)
	if !ok {
		return nil
	}
	return found.(*core.Pod)
}

// podAt is the one that says that it has an address, or nil.
func (c *cluster) podAt(address netip.Addr) *core.Pod {
	found, err := c.pods.GetIndexer().ByIndex(byAddress, address.String())
	if err != nil || len(found) == 0 {
		return nil
	}
	return found[0].(*core.Pod)
}

// labelsOf are a namespace's.
func (c *cluster) labelsOf(namespace string) map[string]string {
	found, ok, _ := c.namespaces.GetStore().GetByKey(namespace)
	if !ok {
		return nil
	}
	return found.(*core.Namespace).Labels
}

// matches says whether a selector takes labels; one that cannot be read takes none, and the API server lets none in.
func matches(selector *meta.LabelSelector, of map[string]string) bool {
	readable, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && readable.Matches(labels.Set(of))
}

// addresses are a pod's own: it shares the node's, or has left its to others when it has ended.
func addresses(item any) ([]string, error) {
	pod := item.(*core.Pod)
	if pod.Spec.HostNetwork || pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed {
		return nil, nil
	}
	var found []string
	for _, each := range pod.Status.PodIPs {
		found = append(found, each.IP)
	}
	return found, nil
}

// slim leaves of an object what verdicts are made of.
func slim(item any) (any, error) {
	switch whole := item.(type) {
	case *core.Pod:
		pod := &core.Pod{ObjectMeta: head(whole.ObjectMeta)}
		pod.Spec.HostNetwork = whole.Spec.HostNetwork
		for _, container := range append(whole.Spec.InitContainers, whole.Spec.Containers...) {
			if len(container.Ports) > 0 {
				pod.Spec.Containers = append(pod.Spec.Containers, core.Container{Ports: container.Ports})
			}
		}
		pod.Status.Phase, pod.Status.PodIPs = whole.Status.Phase, whole.Status.PodIPs
		return pod, nil
	case *core.Namespace:
		return &core.Namespace{ObjectMeta: head(whole.ObjectMeta)}, nil
	case *networking.NetworkPolicy:
		return &networking.NetworkPolicy{ObjectMeta: head(whole.ObjectMeta), Spec: whole.Spec}, nil
	}
	return item, nil
}

func head(whole meta.ObjectMeta) meta.ObjectMeta {
	return meta.ObjectMeta{
		Name: whole.Name, Namespace: whole.Namespace, Labels: whole.Labels,
		UID: whole.UID, ResourceVersion: whole.ResourceVersion,
	}
}

// notifyOf tells of a policy that came or went: no connection goes on with a pod that is new, or has gone.
func notifyOf(item any, changes chan struct{}) {
	if gone, ok := item.(cache.DeletedFinalStateUnknown); ok {
		item = gone.Obj
	}
	if _, ok := item.(*networking.NetworkPolicy); ok {
		notify(changes)
	}
}

// matters says whether what an object became can change a verdict.
func matters(before, now any) bool {
	switch one := now.(type) {
	case *core.Pod:
		other := before.(*core.Pod)
		return !maps.Equal(other.Labels, one.Labels)
	case *core.Namespace:
		return !maps.Equal(before.(*core.Namespace).Labels, one.Labels)
	}
	return true
}
