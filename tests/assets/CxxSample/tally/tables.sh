# Writes tables.h. Reads tables.conf beside it, of which no project knows.
set -e
. "$(dirname "$0")/tables.conf"
mkdir -p "$(dirname "$1")"
i=0
while [ $i -lt 256 ]; do
    c=$i
    bit=0
    while [ $bit -lt 8 ]; do
        c=$(( (c & 1) ? (c >> 1) ^ polynomial : c >> 1 ))
        bit=$(( bit + 1 ))
    done
    echo "$c $(( (i * factor + 29) & 255 ))"
    i=$(( i + 1 ))
done | awk '
    { crc = crc "    " $1 "u,\n"; pearson = pearson "    " $2 ",\n" }
    END {
        print "#pragma once\n#include <stdint.h>\n"
        print "static const uint32_t crc_table[256] = {\n" crc "};\n"
        print "static const uint8_t pearson_table[256] = {\n" pearson "};"
    }' > "$1"
echo "tables.h: 256 entries"
