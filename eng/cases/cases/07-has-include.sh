# __has_include: the header appears between two compiles
mkdir opt
printf '#if __has_include("extra.h")\n#include "extra.h"\n#else\n#define EXTRA 0\n#endif\nint extra = EXTRA;\n' >extra.c
$RUN gcc -Iopt -c extra.c -o without.o
echo '#define EXTRA 7' >opt/extra.h
$RUN gcc -Iopt -c extra.c -o with.o
