package policies

import (
	"net/netip"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// A connection is one that a packet opens, or one that goes on.
type connection struct {
	protocol core.Protocol // empty where policies name none
	from, to netip.Addr
	toPort   uint16
	first    bool // whether the packet opens it, so far as its protocol tells
}

// An end is one side of a connection: an address, and the pod that has it, or nil.
type end struct {
	address netip.Addr
	pod     *core.Pod
}

// allowed says what the policies say. A pod is never kept from itself.
func (c *cluster) allowed(one connection, from, to end) bool {
	if from.pod != nil && to.pod != nil && from.pod.UID == to.pod.UID {
		return true
	}
	return c.mayLeave(one, from, to) && c.mayEnter(one, from, to)
}

func (c *cluster) mayLeave(one connection, from, to end) bool {
	if from.pod == nil {
		return true
	}
	policies := c.policiesOf(from.pod, networking.PolicyTypeEgress)
	for _, policy := range policies {
		for _, rule := range policy.Spec.Egress {
			if c.hasPeer(policy.Namespace, rule.To, to) && hasPort(rule.Ports, one, to.pod) {
				return true
			}
		}
	}
	return len(policies) == 0
}

func (c *cluster) mayEnter(one connection, from, to end) bool {
	if to.pod == nil {
		return true
	}
	policies := c.policiesOf(to.pod, networking.PolicyTypeIngress)
	for _, policy := range policies {
		for _, rule := range policy.Spec.Ingress {
			if c.hasPeer(policy.Namespace, rule.From, from) && hasPort(rule.Ports, one, to.pod) {
				return true
			}
		}
	}
	return len(policies) == 0
}

// hasPeer says whether one of a rule's peers is the other end; a rule without any means all.
func (c *cluster) hasPeer(namespace string, peers []networking.NetworkPolicyPeer, other end) bool {
	for _, peer := range peers {
		if peer.IPBlock != nil {
			if inBlock(peer.IPBlock, other.address) {
				return true
			}
			continue
		}
		if other.pod == nil {
			continue
		}
		inNamespace := other.pod.Namespace == namespace
		if peer.NamespaceSelector != nil {
			inNamespace = matches(peer.NamespaceSelector, c.labelsOf(other.pod.Namespace))
		}
		if inNamespace && (peer.PodSelector == nil || matches(peer.PodSelector, other.pod.Labels)) {
			return true
		}
	}
	return len(peers) == 0
}

func inBlock(block *networking.IPBlock, address netip.Addr) bool {
	if prefix, err := netip.ParsePrefix(block.CIDR); err != nil || !prefix.Masked().Contains(address) {
		return false
	}
	for _, each := range block.Except {
		if prefix, err := netip.ParsePrefix(each); err == nil && prefix.Masked().Contains(address) {
			return false
		}
	}
	return true
}

// hasPort says whether one of a rule's ports is where a connection goes; a rule without any means all.
func hasPort(ports []networking.NetworkPolicyPort, one connection, to *core.Pod) bool {
	for _, port := range ports {
		protocol := core.ProtocolTCP
		if port.Protocol != nil {
			protocol = *port.Protocol
		}
		if protocol == one.protocol && isPort(port, protocol, int32(one.toPort), to) {
			return true
		}
	}
	return len(ports) == 0
}

func isPort(port networking.NetworkPolicyPort, protocol core.Protocol, number int32, to *core.Pod) bool {
	switch {
	case port.Port == nil:
		return true
	case port.Port.Type == intstr.Int && port.EndPort != nil:
		return port.Port.IntVal <= number && number <= *port.EndPort
	case port.Port.Type == intstr.Int:
		return port.Port.IntVal == number
	case to == nil:
		return false
	}
	for _, container := range to.Spec.Containers {
		for _, named := range container.Ports {
			ofProtocol := named.Protocol == protocol || named.Protocol == "" && protocol == core.ProtocolTCP
			if named.Name == port.Port.StrVal && ofProtocol && named.ContainerPort == number {
				return true
			}
		}
	}
	return false
}
