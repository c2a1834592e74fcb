# output over a read-only file, over one of another mode
write_c
echo old >readonly.o
chmod 0444 readonly.o
$RUN gcc -Iinc -c scale.c -o readonly.o
echo old >private.o
chmod 0600 private.o
$RUN gcc -Iinc -c scale.c -o private.o
$RUN gcc -Iinc main.c scale.c -o private.o
