#!/bin/sh
# Fails when committed generated code differs from what the schemas and the plugin give now.
set -eu
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
codegen/generate.sh "$fresh"
status=0
for folder in $(codegen/folders.sh); do
  diff -ru "$folder" "$fresh/$folder" || status=1
done
if [ $status -ne 0 ]; then
  echo "Generated code is stale: run codegen/generate.sh and commit the result." >&2
fi
exit $status
