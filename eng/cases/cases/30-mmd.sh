# -MMD -MP -MT
write_c
mkdir out
$RUN gcc -Iinc -MMD -MP -MT 'out/scale.o other' -c scale.c -o out/scale.o
