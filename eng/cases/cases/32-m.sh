# -M
write_c
$RUN gcc -Iinc -M scale.c
