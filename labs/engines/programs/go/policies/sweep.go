package policies

import (
	"log"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// sweep ends the connections that the policies of now forbid: the kernel forgets them, and what they send next is new.
func (j *judge) sweep() {
	own := map[netip.Addr]bool{} // what the node itself sends may always pass
	if found, err := net.InterfaceAddrs(); err == nil {
		for _, each := range found {
			if prefix, err := netip.ParsePrefix(each.String()); err == nil {
				own[prefix.Addr()] = true
			}
		}
	}
	forbidden := filter(func(flow *netlink.ConntrackFlow) bool {
		// behind a Service's translation the other end is the one that answers
		from, isFrom := netip.AddrFromSlice(flow.Forward.SrcIP.To4())
		to, isTo := netip.AddrFromSlice(flow.Reverse.SrcIP.To4())
		if !isFrom || !isTo || own[from] || own[to] {
			return false
		}
		return j.forbids(connection{
			protocol: protocols[flow.Forward.Protocol], from: from, to: to, toPort: flow.Reverse.SrcPort, first: true,
		})
	})
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, forbidden); err != nil {
		log.Printf("connections that go on could not be looked at: %v", err)
	}
}

// forbids does not wait: where it is not known just now whose an address is, a connection is left alone.
func (j *judge) forbids(one connection) bool {
	from, isKnown := j.owners.look(one.from)
	to, isKnownToo := j.owners.look(one.to)
	return isKnown && isKnownToo && !j.cluster.allowed(one, end{one.from, from}, end{one.to, to})
}

type filter func(*netlink.ConntrackFlow) bool

// MatchConntrackFlow is what the library asks.
func (f filter) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool { return f(flow) }
