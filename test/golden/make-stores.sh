#!/usr/bin/env bash
# Makes the stores that stores.integration.test.ts opens, with the program in dist/: `make-stores.sh VERSION`, VERSION
# being that of the checkpoints it writes. Run once when a format changes, by the last program that writes the old one.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
version=$1
port=23000
for kind in file-closed file-killed emulated-closed; do
  backend=${kind%-*}
  directory=$(mktemp -d)
  node dist/cli/main.js cluster --json --replicas 1 --dir "$directory/data" --backend "$backend" --region-size 1MiB \
    --port "$port" --peer-port "$((port + 10))" >"$directory/events" &
  cluster=$!
  until grep -q '"up"' "$directory/events"; do sleep 0.2; done
  # A program writes the oldest version that says all: 2 once the members have changed, 3 once there are sessions.
  if ((version == 2)); then
    node dist/cli/main.js add "1=127.0.0.1:$((port + 10))" --dir "$directory/data" >"$directory/answers"
  elif ((version == 3)); then
    node test/golden/hold-session.mjs "127.0.0.1:$((port + 10))" "$directory/data/cluster-key" >"$directory/answers"
  fi
  {
    # So often that a checkpoint is taken meanwhile.
    for _ in {1..6}; do
      for round in {1..8}; do
        for number in {1..60}; do
          printf 'SET key:%d:%d value-%d-%d-%0*d\n' "$round" "$number" "$round" "$number" $((number * 3)) 0
        done
      done
    done
    printf 'INCRBY counter 41\nINCR counter\nEXPIRE key:1:1 4000000000\nDEL key:1:2\n'
  } | redis-cli -p "$port" >>"$directory/answers"
  if [[ $kind == *-killed ]]; then
    pkill -KILL -P "$cluster" || true
    kill -KILL "$cluster"
  else
    kill -TERM "$cluster"
  fi
  wait "$cluster" || true
  rm -f "$directory"/data/*.log "$directory/data/running.json"
  tar -C "$directory" --sort=name --owner=0 --group=0 --numeric-owner -czf "test/golden/stores/$kind-$version.tgz" data
  rm -rf "$directory"
done
