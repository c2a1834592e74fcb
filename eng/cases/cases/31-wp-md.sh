# -Wp,-MMD
write_c
$RUN gcc -Iinc -Wp,-MMD,scale.o.d -c scale.c -o scale.o
