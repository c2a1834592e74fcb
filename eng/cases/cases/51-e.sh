# -E
write_c
$RUN gcc -Iinc -E scale.c
$RUN gcc -Iinc -E -dM scale.c -o scale.i
