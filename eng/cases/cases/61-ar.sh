# ar rcs
write_c
gcc -Iinc -c scale.c
gcc -Iinc -c main.c
$RUN ar rcsD libscale.a scale.o main.o
