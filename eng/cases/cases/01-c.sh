# gcc -c
write_c
$RUN gcc -O2 -Iinc -c scale.c -o scale.o
