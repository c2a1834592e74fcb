# link with a static library
write_c
gcc -Iinc -c scale.c
gcc -Iinc -c main.c
ar rcsD libscale.a scale.o
$RUN gcc main.o -L. -lscale -o main
./main
