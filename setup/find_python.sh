#!/bin/sh
# Prints the Python that the course is installed with: the first of the candidates that is of a supported version and can
# make a virtual environment. Where there is none, says in one sentence what is wrong, in another what to do, and ends with 1.
#
#   find_python.sh [PYTHON]     PYTHON is the only candidate, where the user named one
oldest=3.11 newest=3.13
tried="" why=""

for candidate in ${1:-python3 python3.13 python3.12 python3.11}; do
    command -v "$candidate" > /dev/null 2>&1 || continue
    version=$("$candidate" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2> /dev/null) || continue
    minor=${version#3.}
    minor=${minor%%.*}
    if [ "${version%%.*}" != 3 ] || [ "$minor" -lt "${oldest#3.}" ] || [ "$minor" -gt "${newest#3.}" ]; then
        tried="${tried:+$tried, }$candidate is $version"
    elif ! "$candidate" -c 'import ensurepip, venv' > /dev/null 2>&1; then
        why="Python $version here cannot make virtual environments: its module venv is missing."
        todo="On Debian and Ubuntu, as root: \`apt-get install python3-venv\`. Then run \`make\` again."
    else
        command -v "$candidate"
        exit 0
    fi
done

if [ -z "$why" ]; then
    why="The course needs Python $oldest to $newest, and ${tried:-there is no ${1:-python3} here}."
    todo="Install one; where it has another name, give that to make: \`make lab PYTHON=python$newest\`."
fi
printf '✗ %s\n  → %s\n' "$why" "$todo" >&2
exit 1
