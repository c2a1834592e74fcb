# -o /dev/null, source /dev/null
write_c
$RUN gcc -Iinc -c scale.c -o /dev/null
$RUN gcc -E -dM -x c /dev/null -o macros
test -c /dev/null
