#!/bin/sh
# Tries what the engine `host` is made of, in namespaces that go with it. Prints the name of each part before it is tried.
#
#   trial.sh FOLDER   FOLDER is on the disk where the course's folder will be
set -eu
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH LC_ALL=C
if [ "$#" -eq 1 ]; then
    echo namespaces
    exec unshare --mount --pid --fork --net --uts --ipc --cgroup --propagation private -- sh "$0" "$1" inside
fi
if command -v ip > /dev/null; then # without one, the course has its own
    echo links
    ip link add type veth
    ip link add type bridge
fi
echo overlay
folder=$(mktemp -d "$1/.trial.XXXXXX")
trap 'umount "$folder/root" 2> /dev/null || :; rm -rf "$folder"' EXIT
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
