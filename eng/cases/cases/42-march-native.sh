# -march=native
write_c
$RUN gcc -O3 -march=native -Iinc -c scale.c -o scale.o
