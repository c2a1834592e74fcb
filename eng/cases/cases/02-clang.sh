# clang -c
write_c
$RUN clang -O2 -Iinc -c scale.c -o scale.o
