#!/usr/bin/env bash
# GNU time 1.9-0.2 (Debian 12): the exit status that it writes for a command ended by a signal is 0.
#
# Guessed: `%x`, and the line "Exit status" of --verbose, are 137 for a command that SIGKILL ended, as the shell has it, and as
# time's own exit status is.
# Seen: both are 0. Only the line "Command terminated by signal 9" above tells, which -q leaves out: with -q, or for a
# reader that goes by "Exit status", a run that was killed for want of memory is a success with a small peak.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq time=1.9-0.2
dpkg -x time_1.9-0.2_*.deb .
own=0
usr/bin/time -v -o log sh -c 'kill -KILL $$' || own=$?
usr/bin/time -q -f %x -o quiet sh -c 'kill -KILL $$' || true
echo "time's own exit status: $own"
grep -E 'terminated|Exit status' log
echo "-q -f %x: $(cat quiet)"
[ "$own" = 137 ] && grep -q 'Command terminated by signal 9' log && grep -q 'Exit status: 0' log && [ "$(cat quiet)" = 0 ]
