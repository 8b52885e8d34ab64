#!/bin/bash
# Runs a command and records the SQL that it and its children give to SQLite.
#   record.sh FOLDER COMMAND…      FOLDER is emptied first; census.py reads it.
set -euo pipefail
folder=$(realpath -m "$1")
shift
rm -rf "$folder"
mkdir -p "$folder"
cc -O1 -Wall -Wextra -Werror -shared -fPIC -o "$folder/census.so" "$(dirname "$0")/census.c" -lsqlite3 -lpthread
SQL_CENSUS=$folder LD_PRELOAD=$folder/census.so exec "$@"
