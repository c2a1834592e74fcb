# -fprofile-generate
write_c
$RUN gcc -O2 -fprofile-generate -frandom-seed=scale -Iinc -c scale.c -o scale.o
