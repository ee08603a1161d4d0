#!/usr/bin/env bash
# Runs the tests but the slow ones; with --all, those as well. The lessons' tests mostly wait for the cluster, so two lessons
# at a time share a course; those that stop, break or watch engines have the machine for themselves.
set -uo pipefail
cd "$(dirname "$0")/.."
export LABS_NAME=${LABS_NAME:-test}
labs=.venv/bin/labs pytest=.venv/bin/pytest

$labs status >/dev/null 2>&1
case $? in 0 | 3) ;; *) trap '$labs down' EXIT ;; esac  # 3: it is there, and a part of it does not run
$labs up --quiet || exit

slow="and not slow"
if [ "${1-}" = --all ]; then slow=; fi
lessons=(tests/notebooks tests/checks) failed=0
$pytest -m "not alone $slow" --numprocesses=2 "${lessons[@]}" tests/unit || failed=$?
$pytest -m "alone $slow" "${lessons[@]}" || failed=$?
$pytest ${slow:+-m "${slow#and }"} tests/engines tests/browser tests/workshop tests/binder || failed=$?
exit $failed
