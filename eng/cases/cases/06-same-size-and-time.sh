# header changes, same size and modification time
printf '#include "version.h"\nint version = VERSION;\n' >version.c
echo '#define VERSION 1' >version.h
touch -d '2024-02-03 04:05:06' version.h
$RUN gcc -c version.c -o first.o
echo '#define VERSION 2' >version.h
touch -d '2024-02-03 04:05:06' version.h
$RUN gcc -c version.c -o second.o
