# ld -r
write_c
gcc -Iinc -c scale.c
gcc -Iinc -c main.c
$RUN ld -r main.o scale.o -o both.o
