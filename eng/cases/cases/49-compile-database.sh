# clang -MJ
write_c
$RUN clang -Iinc -MJ scale.json -c scale.c -o scale.o
