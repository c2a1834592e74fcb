# -save-temps
write_c
$RUN gcc -save-temps -Iinc -c scale.c -o scale.o
