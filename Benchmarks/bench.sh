#!/bin/sh
# Measures the server beside its peers: bench.sh SUITE, where SUITE/peers holds run.py and the peers' sources.
#
#   PEERS   the peers to run beside it (default: cpp-async,go,swift,nghttpd-w1)
#   CASES   of A,B,C,D,E (default: all)
#   ROUNDS  interleaved rounds; figures are medians (default: 3)
#   PORT    where the server listens meanwhile (default: 27001)
set -eu
suite=$(cd "$1" && pwd)
cd "$(dirname "$0")"
port=${PORT:-27001}
swift build -c release --product bench-server
server=$(swift build -c release --show-bin-path)/bench-server

# One event loop on core 0: figures are per server core. The load generator runs on core 1.
taskset -c 0 "$server" --listen "127.0.0.1:$port" &
pid=$!
trap 'kill $pid 2>/dev/null || true' EXIT
sleep 1
python3 "$suite/peers/run.py" --peers "${PEERS-cpp-async,go,swift,nghttpd-w1}" \
  --cases "${CASES:-A,B,C,D,E}" --rounds "${ROUNDS:-3}" --extra "rollcall=127.0.0.1:$port"
# Memory with 10,000 idle streams, in a fresh process.
kill $pid
wait $pid 2>/dev/null || true
python3 idle-streams.py "$suite/peers" "$server" "$port"
