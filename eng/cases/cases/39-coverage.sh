# --coverage
write_c
$RUN gcc --coverage -frandom-seed=scale -Iinc -c scale.c -o scale.o
