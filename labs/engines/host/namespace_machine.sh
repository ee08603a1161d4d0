#!/bin/sh
# Makes one machine of a course: namespaces of its own (mount, PID, network, IPC, UTS, cgroup) over a copy-on-write view
# of this system. Every mount below lies in a private mount namespace and every process in a private PID namespace, so
# the kernel removes all of it when the machine's first process ends.
#
#   namespace_machine.sh enter   join the machine's cgroups, which become the root of its cgroup namespace
#   namespace_machine.sh enter_users   (only with MACHINE_USERS) make the file system, then the user namespace
#   namespace_machine.sh inside  (in that) leave cgroup v2's root free of processes, then make the other namespaces
#   namespace_machine.sh setup   (inside them) make the file system, then become the init process
#   namespace_machine.sh run COMMAND   run a command in the machine whose first process is MACHINE_PID
#   namespace_machine.sh visit COMMAND run one beside it, as its user MACHINE_VISITOR, in the cgroup MACHINE_CGROUP
#   namespace_machine.sh as_visitor    (in that) show MACHINE_SHOWN where MACHINE_CLOSED are closed folders, then become the user
#
# From the environment: MACHINE_NAME, MACHINE_HOSTS (lines for /etc/hosts), MACHINE_FOLDER (its folder on a real disk),
# MACHINE_CGROUP (its cgroup's path), MACHINE_BINDS (lines of "source<tab>target<tab>ro" or "rw"), MACHINE_INIT (a static init),
# MACHINE_SELF (this file), MACHINE_USERS (the first of 65536 user ids outside, which are 0 and up in the machine; without it
# the machine's users are this system's), MACHINE_PROGRAMS (a folder with programs that this system may lack).
set -eu
umask 022
[ -z "${MACHINE_PROGRAMS:-}" ] || PATH="$PATH:$MACHINE_PROGRAMS"

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
    join "$MACHINE_CGROUP"
    [ -z "${MACHINE_USERS:-}" ] || for hierarchy in $(hierarchies); do
        [ ! -d "$hierarchy$MACHINE_CGROUP" ] || hand_over "$hierarchy$MACHINE_CGROUP"
    done
    if [ -n "${MACHINE_USERS:-}" ]; then
        exec unshare --mount --propagation private -- /bin/sh "$MACHINE_SELF" enter_users
    fi
    exec unshare --cgroup -- /bin/sh "$MACHINE_SELF" inside
}

join() {
    for hierarchy in $(hierarchies); do
        mkdir -p "$hierarchy$1" 2>/dev/null || continue
        # cgroup v1: a cpuset must be filled in before a process may join
        for file in cpuset.cpus cpuset.mems; do
            inherit "$hierarchy" "$1" "$file"
        done
        if is_v2 "$hierarchy"; then
            delegate "$hierarchy"
            above=""
            for part in $(echo "${1%/*}" | tr / ' '); do
                above="$above/$part"
                delegate "$hierarchy$above"
            done
        fi
        echo $$ > "$hierarchy$1/cgroup.procs"
    done
}

# Run a command as somebody without any privilege, with this system's files and the machine's network. Its processes see
# each other only, and end with the first of them.
visit() {
    join "$MACHINE_CGROUP"
    exec 9< "/proc/$MACHINE_PID/ns/user"
    exec nsenter "--net=/proc/$MACHINE_PID/ns/net" -- \
        unshare --mount --pid --ipc --fork --kill-child --mount-proc --propagation private -- \
        /bin/sh "$MACHINE_SELF" as_visitor "$@"
}

as_visitor() {
    show
    cd "$HOME"
    # by the machine's count of users, or what is sent to its Docker would belong to somebody whom it does not know
    exec "$MACHINE_INIT" -s -- nsenter --user=/proc/self/fd/9 "--setuid=$MACHINE_VISITOR" "--setgid=$MACHINE_VISITOR" -- \
        setpriv --no-new-privs --inh-caps=-all -- "$@"
}

# Programs may lie in a folder that is closed to others, such as /root: they are shown in an otherwise empty one.
show() {
    [ -n "$MACHINE_CLOSED" ] || return 0
    held="$MACHINE_FOLDER/held"
    mkdir -p "$held"
    mount -t tmpfs tmpfs "$held"
    count=0
    printf '%s\n' "$MACHINE_SHOWN" | while IFS= read -r folder; do
        count=$((count + 1))
        mkdir "$held/$count"
        mount --rbind "$folder" "$held/$count"
    done
    printf '%s\n' "$MACHINE_CLOSED" | while IFS= read -r folder; do
        mount -t tmpfs -o mode=755 tmpfs "$folder"
    done
    printf '%s\n' "$MACHINE_SHOWN" | while IFS= read -r folder; do
        count=$((count + 1))
        mkdir -p "$folder"
        mount --rbind "$held/$count" "$folder"
        mount -o remount,bind,ro "$folder"
    done
    umount -l "$held"
}

# Let the machine's root make cgroups below its own; the files that hold its own's limits stay this system's root's.
hand_over() {
    for file in "$1" "$1/cgroup.procs" "$1/tasks" "$1/cgroup.threads" "$1/cgroup.subtree_control"; do
        [ ! -e "$file" ] || chown "$MACHINE_USERS:$MACHINE_USERS" "$file"
    done
}

# A user namespace is filled in from outside, so a process in it waits for that; then it has served.
enter_users() {
    file_system "$MACHINE_FOLDER/root"
    holder=$(unshare --user -- sleep 60 > /dev/null 2>&1 & echo $!)
    own=$(readlink /proc/self/ns/user)
    until other=$(readlink "/proc/$holder/ns/user") && [ "$other" != "$own" ]; do sleep 0.01; done
    echo "0 $MACHINE_USERS 65536" > "/proc/$holder/uid_map"
    echo "0 $MACHINE_USERS 65536" > "/proc/$holder/gid_map"
    export MACHINE_HOLDER="$holder"
    exec nsenter "--user=/proc/$holder/ns/user" --setuid 0 --setgid 0 -- \
        unshare --cgroup -- /bin/sh "$MACHINE_SELF" inside
}

inside() {
    [ -z "${MACHINE_HOLDER:-}" ] || kill "$MACHINE_HOLDER"
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
    if [ -z "${MACHINE_USERS:-}" ]; then file_system "$root"; else mount --rbind "$root" "$root"; fi
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    control_groups "$root/sys/fs/cgroup"
    # no kubelet runs where users are others; and a /proc that is covered in part must not be mounted again there
    [ -n "${MACHINE_USERS:-}" ] || kernel_settings "$root/proc/sys" "$root/run/kernel-settings"
    hostname "$MACHINE_NAME"
    mount -t tmpfs -o mode=755 tmpfs "$root/mnt"
    cd "$root"
    mkdir -p mnt/old
    pivot_root . mnt/old
    umount -l /mnt/old
    umount /mnt
    mount --make-rshared / # mounts of pods and volumes must spread between containerd and the kubelet
    exec "$MACHINE_INIT" -s -- sleep infinity
}

# All that may be made before the machine's own /proc, /sys and users; one who is root among those only could not.
file_system() {
    mkdir -p "$1" "$MACHINE_FOLDER/upper" "$MACHINE_FOLDER/work"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$MACHINE_FOLDER/upper,workdir=$MACHINE_FOLDER/work" "$1"
    for part in /usr /lib /lib64 /bin /sbin; do # where these are disks of their own
        if mountpoint -q "$part"; then mount --rbind "$part" "$1$part"; fi
    done
    mount --rbind /dev "$1/dev"
    theirs="uid=${MACHINE_USERS:-0},gid=${MACHINE_USERS:-0}"
    mount -t tmpfs -o "mode=755,$theirs" tmpfs "$1/run"
    mount -t tmpfs -o "mode=1777,$theirs" tmpfs "$1/tmp"
    tab=$(printf '\t') # paths may hold spaces
    printf '%s\n' "$MACHINE_BINDS" | while IFS=$tab read -r source target mode; do
        [ -n "$source" ] || continue
        if [ -d "$source" ]; then mkdir -p "$1$target"; else mkdir -p "$(dirname "$1$target")"; touch "$1$target"; fi
        mount --bind "$source" "$1$target"
        [ "$mode" != ro ] || mount -o remount,bind,ro "$1$target"
    done
    # a Docker of this system's own has settings and a key there, which are not for the course's
    rm -rf "$1/etc/resolv.conf" "$1/etc/hosts" "$1/etc/hostname" "$1/etc/docker"
    echo "$MACHINE_NAME" > "$1/etc/hostname"
    printf '127.0.0.1 localhost\n%s\n' "$MACHINE_HOSTS" > "$1/etc/hosts"
    : > "$1/etc/resolv.conf"
    [ -z "${MACHINE_USERS:-}" ] || chown "$MACHINE_USERS:$MACHINE_USERS" "$1/etc" # for /etc/docker
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
