#!/bin/sh
# The whole: data of two files, through two generators and a program.
set -eu
expected=$(printf 'bolt 17\nnut 30\nwasher 7')
actual=$(app/inventory)
[ "$actual" = "$expected" ] || { echo "got: $actual" >&2; exit 1; }
