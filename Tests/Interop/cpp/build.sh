#!/bin/bash
# Builds the C++ client against the schemas of this repository, as any C++ consumer would.
#   build.sh OUT      the program is OUT/client
set -euo pipefail
out=$(mkdir -p "$1" && realpath "$1")
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../../..")
cd "$root/proto"
mapfile -t schemas < <(find rollcall/v1 grpc/health -name '*.proto' | LC_ALL=C sort)
protoc -I . --cpp_out="$out" --grpc_out="$out" \
  --plugin=protoc-gen-grpc="$(command -v grpc_cpp_plugin)" "${schemas[@]}"
cd "$out"
# Only what the program needs: its services and the messages they name.
sources=(grpc/health/v1/health.{pb,grpc.pb}.cc rollcall/v1/auth_service.grpc.pb.cc)
while read -r schema; do sources+=("${schema%.proto}.pb.cc"); done \
  < <(cd "$root/proto" && ls rollcall/v1/auth.proto rollcall/v1/auth_service.proto rollcall/v1/common.proto rollcall/v1/options.proto)
read -ra flags < <(pkg-config --cflags --libs grpc++ protobuf)
g++ -std=c++17 -O0 -I . -o client "$here/client.cc" "${sources[@]}" "${flags[@]}"
