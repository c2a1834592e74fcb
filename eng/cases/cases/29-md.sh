# -MD -MF
write_c
$RUN gcc -Iinc -MD -MF scale.d -c scale.c -o scale.o
