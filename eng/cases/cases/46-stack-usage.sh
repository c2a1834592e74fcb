# -fstack-usage
write_c
$RUN gcc -fstack-usage -Iinc -c scale.c -o scale.o
