#!/bin/sh
echo "There is no coverage here." >&2
exit 1
