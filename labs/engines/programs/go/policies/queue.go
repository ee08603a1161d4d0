package policies

import (
	"context"
	"encoding/binary"
	"log"
	"net/netip"
	"time"

	nfqueue "github.com/florianl/go-nfqueue"
	"github.com/mdlayher/netlink"
	core "k8s.io/api/core/v1"
)

// waiting is how many packets may wait at a time.
const waiting = 4096

// A judge decides on connections.
type judge struct {
	cluster *cluster
	owners  *owners
}

// allows waits until it is known who the ends are. As long as the policies are not known, nothing is allowed.
func (j *judge) allows(one connection) bool {
	from, to := end{one.from, j.owners.wait(one.from)}, end{one.to, j.owners.wait(one.to)}
	return j.cluster.synced.Load() && j.cluster.allowed(one, from, to)
}

// listen begins to decide on what waits in the queue.
func listen(ctx context.Context, judge *judge) error {
	queue, err := nfqueue.Open(&nfqueue.Config{
		NfQueue:      number,
		MaxPacketLen: 128, // the heads of all layers that are looked at
		MaxQueueLen:  waiting,
		Copymode:     nfqueue.NfQnlCopyPacket,
		WriteTimeout: 100 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	if err := queue.Con.SetOption(netlink.NoENOBUFS, true); err != nil {
		return err
	}
	decide := func(packet nfqueue.Attribute) int {
		if packet.PacketID == nil {
			return 0
		}
		go func() { // one that waits holds up no other
			verdict := nfqueue.NfDrop
			if packet.Payload == nil {
				verdict = nfqueue.NfAccept
			} else if one, ok := read(*packet.Payload); !ok || one.first && judge.allows(one) {
				verdict = nfqueue.NfAccept
			}
			if err := queue.SetVerdict(*packet.PacketID, verdict); err != nil {
				log.Printf("a packet could not be let go: %v", err)
			}
		}()
		return 0
	}
	failed := func(err error) int {
		if ctx.Err() == nil {
			log.Printf("the queue: %v", err)
		}
		return 0
	}
	return queue.RegisterWithErrorFunc(ctx, decide, failed)
}

// read takes the ends out of an IPv4 packet (RFC 791, 3.1); pods have no other addresses.
func read(packet []byte) (one connection, ok bool) {
	if len(packet) < 20 || packet[0]>>4 != 4 {
		return one, false
	}
	one.from, _ = netip.AddrFromSlice(packet[12:16])
	one.to, _ = netip.AddrFromSlice(packet[16:20])
	one.first = true
	rest := packet[min(int(packet[0]&15)*4, len(packet)):]
	one.protocol = protocols[packet[9]]
	if one.protocol != "" && len(rest) >= 4 {
		one.toPort = binary.BigEndian.Uint16(rest[2:])
	}
	if one.protocol == core.ProtocolTCP && len(rest) >= 14 {
		// one that goes on and is new to the kernel: it was ended because it is forbidden (SYN without ACK opens)
		one.first = rest[13]&0x12 == 0x02
	}
	return one, true
}

// The protocols that policies speak of, by IANA's numbers.
var protocols = map[byte]core.Protocol{6: core.ProtocolTCP, 17: core.ProtocolUDP, 132: core.ProtocolSCTP}
