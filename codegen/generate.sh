#!/bin/sh
# Regenerates all committed Swift code from the schemas. With an argument it writes below that folder
# instead of the repository, which is how check.sh compares.
#
# The plugin depends on ProtoWire, which holds generated code itself. When a change of the runtime breaks
# that code, build the plugin before the change, keep its binary, and name it in PROTOC_GEN_ROLLCALL.
set -eu
cd "$(dirname "$0")/.."
out=${1:-.}
plugin=${PROTOC_GEN_ROLLCALL:-}
if [ -z "$plugin" ]; then
  swift build ${SWIFT_BUILD_FLAGS:-} --product protoc-gen-rollcall
  plugin=$(swift build ${SWIFT_BUILD_FLAGS:-} --show-bin-path)/protoc-gen-rollcall
fi
well_known=${PROTOBUF_INCLUDE:-/usr/include}

# emit FOLDER INCLUDE OPTIONS FILE...
emit() {
  folder=$out/$1 include=$2 options=$3
  shift 3
  mkdir -p "$folder"
  protoc --plugin=protoc-gen-rollcall="$plugin" -I "$include" \
    --rollcall_out="$folder" --rollcall_opt="$options" "$@"
}

schemas() { (cd proto && find "$1" -name '*.proto' | LC_ALL=C sort); }

for folder in $(codegen/folders.sh); do rm -rf "${out:?}/$folder"; done
emit Sources/ProtoWire/WellKnownTypes/Generated "$well_known" Visibility=public \
  google/protobuf/any.proto google/protobuf/duration.proto google/protobuf/empty.proto \
  google/protobuf/field_mask.proto google/protobuf/struct.proto google/protobuf/timestamp.proto \
  google/protobuf/wrappers.proto
# proto2, imported by those who declare options: only its descriptor is needed, for reflection.
emit Sources/ProtoWire/WellKnownTypes/Generated "$well_known" Descriptors=only \
  google/protobuf/descriptor.proto
emit Sources/RPCCore/Generated proto Visibility=public $(schemas google/rpc)
emit Sources/StandardProtos/Generated proto Visibility=public $(schemas grpc)
# What calls of one kind have in common.
mutation=request_id:validate_only
shapes=Envelopes=on,Shape=MutationRequest:$mutation,Shape=ConditionalRequest:$mutation:etag
shapes=$shapes,Shape=UpdateRequest:$mutation:etag:update_mask,Shape=ArchiveRequest:$mutation:etag:restore
shapes=$shapes,Shape=ListRequest:page_size:page_token:skip:order
shapes=$shapes,Shape=ListResponse:next_page_token:total_size
emit Sources/API/Generated proto \
  "Visibility=public,RequireMethodOption=rollcall.v1.policy,$shapes" $(schemas rollcall)
emit Benchmarks/Sources/BenchAPI/Generated Benchmarks/proto Visibility=public bench/v1/bench.proto
emit_fixtures() {
  include=Tests/CodegenTests/Fixtures
  folder=$out/Tests/CodegenTests/Generated
  mkdir -p "$folder"
  protoc --plugin=protoc-gen-rollcall="$plugin" -I $include -I proto -I "$well_known" \
    --rollcall_out="$folder" \
    --rollcall_opt=Visibility=internal,Envelopes=on,Shape=Paged:page_size,Shape=Sorted:page_size:newest_first \
    $(cd $include && find fixtures -name '*.proto' | LC_ALL=C sort)
}
emit_fixtures
