#!/bin/bash
# The gRPC interoperability cases, both ways: foreign clients against our server, our client against foreign servers.
#   interop.sh SUITES      SUITES: the folder of run-interop.sh
# Ends with 0 when all 28 cases of the suite pass, and all 14 of our client against each server.
set -euo pipefail
suites=$(realpath "$1")
cd "$(dirname "$0")"
work=${W:-/tmp/conformance-interop}
port=${PORT:-18690}

# The first run unpacks the suite's sources and builds its clients; its own servers prove them sound.
if [ ! -f "$work/.go" ]; then
  echo "building the suite's clients in $work (some minutes)"
  W=$work "$suites/run-interop.sh" --selftest
fi

(cd ../.. && swift build --product protoc-gen-rollcall)
plugin=$(cd ../.. && swift build --show-bin-path)/protoc-gen-rollcall
for target in interop-server interop-client; do
  generated=Sources/$target/Generated
  rm -rf "$generated"
  mkdir -p "$generated"
  protoc --plugin=protoc-gen-rollcall="$plugin" --rollcall_out="$generated" \
    --rollcall_opt=Visibility=internal -I "$work/py/protos" \
    src/proto/grpc/testing/{empty,messages,test}.proto
done
swift build -c release --product interop-server
swift build -c release --product interop-client
bin=$(swift build -c release --show-bin-path)

servers=()
# The port is below 32768: above it the system may have lent it to a connection.
"$bin/interop-server" --listen "127.0.0.1:$port" &
servers+=($!)
(cd "$work/py" && exec ../venv/bin/python serve.py $((port + 1))) &
servers+=($!)
"$work/bin/goserver" -port $((port + 2)) &
servers+=($!)
trap 'kill "${servers[@]}" 2>/dev/null; wait 2>/dev/null || true' EXIT
for server in "$port" $((port + 1)) $((port + 2)); do
  for _ in {1..100}; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$server") 2>/dev/null; then continue 2; fi
    sleep 0.1
  done
  echo "nothing listens on port $server"
  exit 1
done

result=0
W=$work "$suites/run-interop.sh" 127.0.0.1 "$port" || result=1
for server in "$port" $((port + 1)) $((port + 2)); do
  timeout 60 "$bin/interop-client" "127.0.0.1:$server" || result=1
done
exit $result
