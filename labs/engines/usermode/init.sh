#!/bin/sh
# The first program in the user-mode kernel. Its root is the host's own file system, read with the rights of the user who
# runs the kernel and mounted read-only; what must be written lies in memory, or on the disk image under /var/lib.
#
# From the kernel's command line: LABS_STATE, the course's folder. In its guest/env: PREFIX (the folder of the node's
# programs, empty where they are the system's), TOOLS_PATH, TOOLS_LIBRARIES and TOOLS_XTABLES (what finds them), INIT,
# AGENT, ADDRESS, GATEWAY, AGENT_PORT, DOCKER_PORT, DOCKER_SOCKET, IMAGES (the folder of image archives), NODE.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs -o mode=755 devtmpfs /dev 2>/dev/null || : # the kernel may have done so
# crun reads from /dev/stdin what a running container's limits become
ln -s /proc/self/fd /dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${number%:*}" "/dev/${number#*:}"; done
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs /run

# the course's own, which may lie below what is about to be covered
. "$LABS_STATE/guest/env"
mkdir /run/state /run/tools /run/images
touch /run/guest-agent
mount --bind "$LABS_STATE" /run/state
mount --bind "$AGENT" /run/guest-agent
mount --bind "$IMAGES" /run/images
[ -z "$PREFIX" ] || mount --bind "$PREFIX" /run/tools
mount -t tmpfs -o mode=1777 tmpfs /tmp

# /etc: the host's, with what differs here before it
mkdir /run/system-etc
mount --bind /etc /run/system-etc
mount -t tmpfs -o mode=755 tmpfs /etc
for entry in /run/system-etc/* /run/system-etc/.[!.]*; do
    [ ! -e "$entry" ] || ln -s "$entry" /etc/
done
rm -f /etc/resolv.conf /etc/hosts /etc/hostname /etc/mtab /etc/cni /etc/docker /etc/containerd
echo "nameserver $ADDRESS" > /etc/resolv.conf
printf '127.0.0.1 localhost\n%s %s\n' "$ADDRESS" "$NODE" > /etc/hosts
echo "$NODE" > /etc/hostname
hostname "$NODE"

# /var: nothing of the host's; systems differ in what they have there
mount -t tmpfs -o mode=755 tmpfs /var
mkdir -p /var/lib /var/log /var/cache
mkdir -m 1777 /var/tmp
ln -s /run /var/run
# what a write has reached outlives this kernel without a flush, and only this system ending in mid-write would lose it
# what cannot be written, as on a full host, ends this kernel: `labs up` mends the disk, while it would stay read-only here
mount -t ext4 -o noatime,nodiscard,noinit_itable,nobarrier,errors=panic /dev/ubda /var/lib
mount -t tmpfs -o mode=755 tmpfs /opt
mkdir /opt/kube-labs-bin /opt/local-path-provisioner /etc/kubernetes /run/labs
if [ -n "$PREFIX" ]; then
    mkdir /opt/kube-labs
    mount --bind /run/tools /opt/kube-labs
fi
mount --bind /run/state/bin /opt/kube-labs-bin
mount --bind "/run/state/nodes/$NODE" /etc/kubernetes
# this file system's option is a bare path, which only the old system call takes; since util-linux 2.39 `mount` prefers the new
LIBMOUNT_FORCE_MOUNT2=always mount -t hostfs -o "$LABS_STATE/guest" hostfs /run/labs
mkdir -p /var/lib/local-path-provisioner /var/lib/pod-logs /var/lib/docker /var/lib/containerd /var/lib/kubelet /var/lib/registry
mount --bind /var/lib/local-path-provisioner /opt/local-path-provisioner
mkdir /var/log/pods /var/log/containers
mount --bind /var/lib/pod-logs /var/log/pods
mount -t tmpfs -o mode=755 tmpfs /usr/local/sbin # wrappers for who looks at the node from a pod
mount --make-rshared /

# iptables by the backend that is fastest here
mkdir /run/bin
multi=${PREFIX:+/opt/kube-labs}/usr/sbin/xtables-legacy-multi
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -s "$multi" "/run/bin/$name"
done

# cAdvisor refuses a machine whose processor has no frequency
sed 's/^bogomips.*/&\ncpu MHz\t\t: 2000.000/' /proc/cpuinfo > /run/cpuinfo
mount --bind /run/cpuinfo /proc/cpuinfo

tool() { # one of the node's programs
    PATH="$TOOLS_PATH" LD_LIBRARY_PATH="$TOOLS_LIBRARIES" XTABLES_LIBDIR="$TOOLS_XTABLES" "$@"
}
tool ip link set lo up
tool ip address add "$ADDRESS/24" dev vec0
tool ip link set vec0 up
tool ip route add default via "$GATEWAY"
# what comes from the host's side may use the doors; containers may not
for door in "$AGENT_PORT" "$DOCKER_PORT"; do
    tool /run/bin/iptables -A INPUT -d "$ADDRESS" ! -i vec0 -p tcp --dport "$door" -j REJECT
done
# what containers and pods send stays in here; the engine makes the one exception, the API server. dockerd leaves this chain
# to others, and asks it first
tool /run/bin/iptables -N DOCKER-USER
tool /run/bin/iptables -A DOCKER-USER -o vec0 -j REJECT
tool /run/bin/iptables -A FORWARD -j DOCKER-USER
echo 1 > /proc/sys/net/ipv4/ip_forward # before dockerd does, which would then drop what pods send

exec "$INIT" -s -- /run/guest-agent -listen "$ADDRESS:$AGENT_PORT" -token-file /run/state/guest/token \
    -forward "$ADDRESS:$DOCKER_PORT" -to "$DOCKER_SOCKET" -names "$ADDRESS:53"
