# -S
write_c
$RUN gcc -O2 -Iinc -S scale.c
