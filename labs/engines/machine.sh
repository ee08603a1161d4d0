#!/bin/sh
# Makes one machine of a course: namespaces of its own (mount, PID, network, IPC, UTS, cgroup) over a copy-on-write view
# of this system. Every mount below lies in a private mount namespace and every process in a private PID namespace, so
# the kernel removes all of it when the machine's first process ends.
#
#   machine.sh enter   join the machine's cgroups, which become the root of its cgroup namespace
#   machine.sh inside  (in that) leave cgroup v2's root free of processes, then make the other namespaces
#   machine.sh setup   (inside them) make the file system, then become the init process
#   machine.sh run COMMAND   run a command in the machine whose first process is MACHINE_PID
#
# From the environment: MACHINE_NAME, MACHINE_HOSTS (lines for /etc/hosts), MACHINE_FOLDER (its folder on a real disk),
# MACHINE_CGROUP (its cgroup's path), MACHINE_BINDS (lines of "source<tab>target<tab>ro" or "rw"), MACHINE_INIT (a static init),
# MACHINE_SELF (this file).
set -eu
umask 022

hierarchies() {
    awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/mounts
}

run() {
    for hierarchy in $(hierarchies); do
        folder="$hierarchy$MACHINE_CGROUP"
        [ ! -d "$folder/init" ] || folder="$folder/init"
        [ ! -d "$folder" ] || echo $$ > "$folder/cgroup.procs"
    done
    exec nsenter --target "$MACHINE_PID" --all -- "$@"
}

enter() {
    for hierarchy in $(hierarchies); do
        mkdir -p "$hierarchy$MACHINE_CGROUP" 2>/dev/null || continue
        # cgroup v1: a cpuset must be filled in before a process may join
        for file in cpuset.cpus cpuset.mems; do
            inherit "$hierarchy" "$MACHINE_CGROUP" "$file"
        done
        if is_v2 "$hierarchy"; then
            delegate "$hierarchy"
            delegate "$hierarchy${MACHINE_CGROUP%/*}"
        fi
        echo $$ > "$hierarchy$MACHINE_CGROUP/cgroup.procs"
    done
    exec unshare --cgroup -- /bin/sh "$MACHINE_SELF" inside
}

inside() {
    for hierarchy in $(hierarchies); do
        folder="$hierarchy$MACHINE_CGROUP"
        if is_v2 "$hierarchy" && [ -d "$folder" ]; then
            # a cgroup whose children have controllers may hold no process itself
            mkdir -p "$folder/init"
            echo $$ > "$folder/init/cgroup.procs"
            delegate "$folder"
        fi
    done
    exec unshare --mount --pid --fork --net --ipc --uts --kill-child --propagation private -- \
        /bin/sh "$MACHINE_SELF" setup
}

is_v2() {
    [ "$(stat -fc %T "$1")" = cgroup2fs ]
}

# Let the children of a cgroup v2 use what it may use itself.
delegate() {
    for controller in $(cat "$1/cgroup.controllers"); do
        grep -qw "$controller" "$1/cgroup.subtree_control" || echo "+$controller" > "$1/cgroup.subtree_control" || :
    done
}

inherit() {
    [ -e "$1/$3" ] && [ -e "$1$2/$3" ] && grep -q . "$1/$3" || return 0
    ! is_v2 "$1" || return 0
    below=""
    for part in $(echo "$2" | tr / ' '); do
        below="$below/$part"
        grep -q . "$1$below/$3" || cat "$1/$3" > "$1$below/$3"
    done
}

setup() {
    root="$MACHINE_FOLDER/root"
    mkdir -p "$root" "$MACHINE_FOLDER/upper" "$MACHINE_FOLDER/work"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$MACHINE_FOLDER/upper,workdir=$MACHINE_FOLDER/work" "$root"
    for part in /usr /lib /lib64 /bin /sbin; do # where these are disks of their own
        if mountpoint -q "$part"; then mount --rbind "$part" "$root$part"; fi
    done
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    control_groups "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/run"
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$root/mnt"
    kernel_settings "$root/proc/sys" "$root/run/kernel-settings"
    tab=$(printf '\t') # paths may hold spaces
    printf '%s\n' "$MACHINE_BINDS" | while IFS=$tab read -r source target mode; do
        [ -n "$source" ] || continue
        if [ -d "$source" ]; then mkdir -p "$root$target"; else mkdir -p "$(dirname "$root$target")"; touch "$root$target"; fi
        mount --bind "$source" "$root$target"
        [ "$mode" != ro ] || mount -o remount,bind,ro "$root$target"
    done
    hostname "$MACHINE_NAME"
    rm -f "$root/etc/resolv.conf" "$root/etc/hosts" "$root/etc/hostname"
    echo "$MACHINE_NAME" > "$root/etc/hostname"
    printf '127.0.0.1 localhost\n%s\n' "$MACHINE_HOSTS" > "$root/etc/hosts"
    : > "$root/etc/resolv.conf"
    cd "$root"
    mkdir -p mnt/old
    pivot_root . mnt/old
    umount -l /mnt/old
    umount /mnt
    mount --make-rshared / # mounts of pods and volumes must spread between containerd and the kubelet
    exec "$MACHINE_INIT" -s -- sleep infinity
}

# The kubelet gives these the values below, for the whole kernel, which is not ours. Here it finds them set.
kernel_settings() {
    mkdir "$2"
    for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
        kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
        name=${setting%=*}
        [ -e "$1/$name" ] || continue
        echo "${setting#*=}" > "$2/${name##*/}"
        mount --bind "$2/${name##*/}" "$1/$name"
    done
}

control_groups() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        mount -t cgroup2 cgroup2 "$1"
        return
    fi
    mount -t tmpfs -o mode=755 tmpfs "$1"
    cut -d: -f2 /proc/self/cgroup | grep . | while read -r controllers; do
        name=${controllers#name=}
        mkdir "$1/$name"
        mount -t cgroup -o "$controllers" cgroup "$1/$name" || rmdir "$1/$name"
        for part in $(echo "$name" | tr , ' '); do # cpu,cpuacct is one hierarchy with two names
            [ -e "$1/$part" ] || ln -s "$name" "$1/$part"
        done
    done
}

action=$1
shift
"$action" "$@"
