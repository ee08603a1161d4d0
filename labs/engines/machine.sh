#!/bin/sh
# Makes one machine of a course: namespaces of its own (mount, PID, network, IPC, UTS, cgroup) over a copy-on-write view
# of this system. Every mount below lies in a private mount namespace and every process in a private PID namespace, so
# the kernel removes all of it when the machine's first process ends.
#
#   machine.sh enter   join the machine's cgroups, then make the namespaces
#   machine.sh setup   (inside them) make the file system, then become the init process
#   machine.sh run COMMAND   run a command in the machine whose first process is MACHINE_PID
#
# From the environment: MACHINE_NAME, MACHINE_HOSTS (lines for /etc/hosts), MACHINE_FOLDER (its folder on a real disk), MACHINE_CGROUP (its cgroup's path),
# MACHINE_BINDS (lines of "source target [ro]"), MACHINE_INIT (a static init), MACHINE_SELF (this file).
set -eu

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
        echo $$ > "$hierarchy$MACHINE_CGROUP/cgroup.procs"
    done
    exec unshare --mount --pid --fork --net --ipc --uts --cgroup --kill-child --propagation private -- \
        /bin/sh "$MACHINE_SELF" setup
}

inherit() {
    [ -e "$1/$3" ] && [ -e "$1$2/$3" ] && grep -q . "$1/$3" || return 0
    [ "$(stat -fc %T "$1")" = cgroup2fs ] && return 0
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
    echo "$MACHINE_BINDS" | while read -r source target mode; do
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

control_groups() {
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        mount -t cgroup2 cgroup2 "$1"
        # a cgroup that has children with controllers may hold no process itself
        mkdir -p "$1/init"
        while read -r process; do echo "$process" > "$1/init/cgroup.procs" || :; done < "$1/cgroup.procs"
        for controller in $(cat "$1/cgroup.controllers"); do
            echo "+$controller" > "$1/cgroup.subtree_control" || :
        done
        return
    fi
    mount -t tmpfs -o mode=755 tmpfs "$1"
    awk 'NR > 1 && $2 != 0 { print $1 }' /proc/cgroups | while read -r controller; do
        mkdir "$1/$controller"
        mount -t cgroup -o "$controller" cgroup "$1/$controller" || rmdir "$1/$controller"
    done
    mkdir "$1/systemd"
    mount -t cgroup -o none,name=systemd cgroup "$1/systemd" || rmdir "$1/systemd"
}

action=$1
shift
"$action" "$@"
