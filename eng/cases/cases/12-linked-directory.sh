# #include through a linked directory, linked header
write_c
mkdir real
mv inc real/v1
ln -s real/v1 current
ln -s ../current/scale.h real/alias.h
printf '#include "alias.h"\n#include "../current/scale.h"\nint f = FACTOR;\n' >alias.c
$RUN gcc -g -MD -Icurrent -Ireal -c alias.c -o alias.o
