#!/bin/sh
# The folders that generate.sh owns: it empties and refills them, check.sh compares them.
for folder in Sources/ProtoWire/WellKnownTypes Sources/RPCCore Sources/StandardProtos Sources/API \
  Benchmarks/Sources/BenchAPI Tests/CodegenTests; do
  echo "$folder/Generated"
done
