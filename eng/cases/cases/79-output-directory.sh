# output into a directory that is not there
write_c
$RUN gcc -Iinc -c scale.c -o nowhere/scale.o || echo "ends with $?"
