# generated header changes between two compiles
mkdir gen
printf '#include "version.h"\nint version = VERSION;\n' >version.c
echo '#define VERSION 1' >gen/version.h
$RUN gcc -Igen -c version.c -o first.o
echo '#define VERSION 2' >gen/version.h
$RUN gcc -Igen -c version.c -o second.o
