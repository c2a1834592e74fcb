# compile of what -E wrote
write_c
gcc -Iinc -E scale.c -o scale.i
$RUN gcc -c scale.i -o scale.o
