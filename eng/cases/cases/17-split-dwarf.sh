# -g -gsplit-dwarf
write_c
$RUN gcc -g -gsplit-dwarf -Iinc -c scale.c -o scale.o
