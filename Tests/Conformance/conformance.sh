#!/bin/bash
# The protobuf conformance suite against a testee on our codegen and runtime.
#   conformance.sh SUITES      SUITES: the folder of run-conformance.sh
# Ends with 0 when no Required case of proto3 fails; prints the suite's numbers and all failing names.
set -euo pipefail
suites=$(realpath "$1")
cd "$(dirname "$0")"
work=${W:-/tmp/conformance-protobuf}
generated=Sources/conformance-testee/Generated

# The first run unpacks the suite's sources and builds its runner; C++'s own testee proves them sound.
if [ ! -f "$work/.built" ]; then
  echo "building the suite's runner in $work (some minutes)"
  W=$work "$suites/run-conformance.sh" --selftest
fi

(cd ../.. && swift build --product protoc-gen-rollcall)
plugin=$(cd ../.. && swift build --show-bin-path)/protoc-gen-rollcall
rm -rf "$generated"
mkdir -p "$generated"
protoc --plugin=protoc-gen-rollcall="$plugin" --rollcall_out="$generated" \
  --rollcall_opt=Visibility=internal -I "$work/c" conformance.proto
protoc --plugin=protoc-gen-rollcall="$plugin" --rollcall_out="$generated" \
  --rollcall_opt=Visibility=internal,Module=google/protobuf/test_messages_proto3.proto=Testee \
  -I "$work/b" -I "${PROTOBUF_INCLUDE:-/usr/include}" \
  google/protobuf/test_messages_proto3.proto

swift build -c release --product conformance-testee
testee=$(swift build -c release --show-bin-path)/conformance-testee
rm -f "$work"/failing_tests.txt "$work"/nonexistent_tests.txt "$work"/succeeding_tests.txt
W=$work "$suites/run-conformance.sh" "$testee" || true

# The runner's log names each case that failed, Required or Recommended.
if [ -s "$work/failing_tests.txt" ]; then
  echo "failing:"
  sed 's/^/  /' "$work/failing_tests.txt"
  if grep -q '^Required\.' "$work/failing_tests.txt"; then
    echo "Required cases fail"
    exit 1
  fi
fi
grep -q 'CONFORMANCE SUITE' "$work/last.log" || { tail "$work/last.log"; exit 1; }
