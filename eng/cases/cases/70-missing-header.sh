# missing header
printf '#include "nowhere.h"\nint x;\n' >missing.c
$RUN gcc -MD -c missing.c -o missing.o || echo "ends with $?"
$RUN gcc -c nowhere.c || echo "ends with $?"
