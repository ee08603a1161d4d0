#!/usr/bin/env bash
# Runs the tests but the slow ones; with --all, those as well.
#
# Most of them wait for a cluster. So two streams run at a time, each on a course of its own, and three lessons share one of
# these. The other one, in which more depends on time, goes first where both want the processor; it has a network of its own,
# where localhost is its own (tests/own_network.py). Where this system gives none, the streams run one after another. Each
# writes to build/test-NAME.log. What fails on engines is tried once more by itself: what passes then is no proof against the
# change at hand, and is listed at the end as a fault of its own (tests/run_summary.py).
set -uo pipefail
cd "$(dirname "$0")/.."
export LABS_NAME=${LABS_NAME:-test}
all= only= failed=0
for option; do
  case $option in --all) all=--all ;; --stream=*) only=${option#*=} ;; *) echo "unknown: $option" >&2; exit 2 ;; esac
done

run_pytest() { # TITLE MARKS PYTEST'S ARGUMENTS...
  local marks=$2
  [ "$all" ] || marks=${marks:+$marks and }"not slow"
  LABS_TEST_PHASE=$1 .venv/bin/pytest ${marks:+-m "$marks"} "${@:3}"
}

SECOND_TRY=10 # so many failed tests at most: more are no accident
phase() { # TITLE MARKS TESTS...
  local status=0 failures=()
  run_pytest "$@" || status=$?
  if [ $status = 1 ]; then # tests have failed; nothing else went wrong
    mapfile -t failures < <(.venv/bin/python tests/run_summary.py --failed="$1" "$LABS_TEST_TIMES")
    if [ ${#failures[@]} -gt 0 ] && [ ${#failures[@]} -le $SECOND_TRY ]; then
      status=0
      run_pytest "$1" "$2" "${failures[@]}" || status=$?
    fi
  fi
  [ $status = 0 ] || failed=$status
}

lessons=(tests/notebooks tests/checks)
stream() { # NAME: its phases, on its course, which goes with it unless it was there before
  trap 'exit 130' INT TERM # after pytest, which gets the signal as well and ends what its tests have started
  .venv/bin/labs status >/dev/null 2>&1
  case $? in 0 | 3) ;; *) trap '.venv/bin/labs down' EXIT ;; esac # 3: it is there, and a part of it does not run
  .venv/bin/labs up --quiet 3>&- || return # its daemons do not hold this program's output
  case $1 in
  lessons)
    phase "lessons" "not alone" --numprocesses=3 "${lessons[@]}"
    phase "what is fetched, bare machines, Binder" outside tests/engines tests/bare tests/binder
    ;;
  engines)
    phase "lessons that need the course for themselves" alone "${lessons[@]}"
    phase "engines, browser, workshop" "not outside" tests/engines tests/browser tests/workshop
    ;;
  esac
}

if [ "$only" ]; then
  stream "$only"
  exit $failed
fi

# each phase says here once a minute what it is at, and keeps how long each test took (tests/progress.py)
exec 3>&1
export LABS_TEST_MESSAGES=3 LABS_TEST_TIMES=$PWD/build/test-times.jsonl
mkdir -p build && rm -f "$LABS_TEST_TIMES" build/test-*.log

# the stream that needs a browser has no way to fetch one
.venv/bin/python -m tests.browser.chromium &
browser=$!

# unit tests have processes of their own: what libraries leave open around engines would fail them at the collector's whim
run_pytest "unit tests" "" --numprocesses=2 tests/unit || failed=$?

wait $browser || echo "There is no browser: the tests in one are skipped."

run() { # NAME PREFIX: a stream, in a process group of its own
  local log=build/test-$1.log
  LABS_NAME=$LABS_NAME${2:+-$1} $2 tests/run.sh "--stream=$1" $all >"$log" 2>&1
  local status=$?
  cat "$log"
  return $status
}
apart=".venv/bin/python tests/own_network.py"
$apart true 2>/dev/null || apart=
set -m # a process group each, to end it as a whole
streams=()
end() { # SIGNAL: pass it on to all of each stream
  for each in "${streams[@]}"; do kill "-$1" -- "-$each" 2>/dev/null; done
  wait
  exit 130
}
trap 'end INT' INT
trap 'end TERM' TERM
for name in lessons engines; do
  if [ "$name" = lessons ]; then run lessons "${apart:+nice -n 5}" & else run "$name" "$apart" & fi
  streams+=($!)
  [ "$apart" ] || wait $! || failed=$?
done
if [ "$apart" ]; then
  for each in "${streams[@]}"; do wait "$each" || failed=$?; done
fi
.venv/bin/python tests/run_summary.py "$LABS_TEST_TIMES"
exit $failed
