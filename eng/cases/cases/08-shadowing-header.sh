# a header appears in front of another one between two compiles
mkdir near far
printf '#include "which.h"\nint which = WHICH;\n' >which.c
echo '#define WHICH 2' >far/which.h
$RUN gcc -Inear -Ifar -c which.c -o far.o
echo '#define WHICH 1' >near/which.h
$RUN gcc -Inear -Ifar -c which.c -o near.o
