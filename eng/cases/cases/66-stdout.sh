# object and assembly to standard output
write_c
$RUN gcc -O1 -Iinc -S scale.c -o -
