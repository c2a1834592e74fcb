# computed #include
write_c
printf '#define NAME "scale.h"\n#include NAME\nint f = FACTOR;\n' >computed.c
$RUN gcc -Iinc -c computed.c -o computed.o
