package policies

import (
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
)

// number is that of the kernel's queue that packets wait in; each machine has queues of its own.
const number = 100

const chain = "KUBE-LABS-POLICIES"

// The rules that send a connection's first packet to the queue: behind the Service's
// translation, so that policies see pods, and before the node's own address is put
// in. What the node itself sends (probes) may always pass.
type rules struct {
	pods  netip.Prefix
	there bool
}

// set puts the rules there, or takes them away.
func (r *rules) set(wanted bool) error {
	if wanted == r.there {
		return nil
	}
	text := []string{"*mangle", ":" + chain + " - [0:0]"}
	jump := "POSTROUTING -j " + chain
	has := exec.Command("iptables", append([]string{"-w", "-t", "mangle", "-C"}, strings.Fields(jump)...)...).Run() == nil
	if wanted {
		text = append(text,
			"-A "+chain+" -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN",
			"-A "+chain+" -m addrtype --src-type LOCAL -j RETURN",
			fmt.Sprintf("-A %s -s %s -j NFQUEUE --queue-num %d", chain, r.pods, number),
			fmt.Sprintf("-A %s -d %s -j NFQUEUE --queue-num %d", chain, r.pods, number),
		)
		if !has {
			text = append(text, "-I "+jump)
		}
	} else {
		if has {
			text = append(text, "-D "+jump)
		}
		text = append(text, "-X "+chain)
	}
	restore := exec.Command("iptables-restore", "-w", "--noflush")
	restore.Stdin = strings.NewReader(strings.Join(append(text, "COMMIT", ""), "\n"))
	if output, err := restore.CombinedOutput(); err != nil {
		return fmt.Errorf("the kernel does not take the rules that policies need: %w: %s", err, output)
	}
	r.there = wanted
	return nil
}
