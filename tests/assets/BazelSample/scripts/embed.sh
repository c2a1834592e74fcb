#!/bin/sh
# embed.sh NAME FILE: writes a C++ source that defines the text of the file.
set -eu
echo "extern const char $1[];"
echo "const char $1[] ="
sed 's/.*/    "&\\n"/' "$2"
echo "    ;"
