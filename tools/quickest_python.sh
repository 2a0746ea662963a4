#!/bin/sh
# Tells which Python on the PATH doorstep is to run on: new enough, able to make an environment, and the quickest.
# A Python that was built without its optimizations, as some are that people build themselves, takes a fifth to a third
# longer for everything. One that comes earlier on the PATH is kept unless another is a tenth quicker.
set -u

# Where there is uv, it makes the environment.
needs="import ensurepip, venv"
command -v uv >/dev/null 2>&1 && needs=""

# The least of five, in microseconds, so that what else the machine does says little.
how_long='
import sys, time
if sys.version_info < (3, 11):
    sys.exit(1)

def work():
    found = {}
    for number in range(20_000):
        key = (number % 97, number % 13)
        found[key] = found.get(key, 0) + len(str(number))
    return found

def once():
    began = time.perf_counter()
    work()
    return time.perf_counter() - began

print(int(min(once() for _ in range(5)) * 1e6))
'

best=""
least=0
IFS=:
for folder in $PATH; do
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    [ -x "$folder/$name" ] || continue
    took="$("$folder/$name" -c "$needs$how_long" 2>/dev/null)" || continue
    if [ -z "$best" ] || [ "$((took * 10))" -lt "$((least * 9))" ]; then
      best="$folder/$name"
      least="$took"
    fi
  done
done
[ -n "$best" ] && echo "$best"
