# header generated a moment before
write_c
mkdir gen
awk 'BEGIN { for (i = 0; i < 5; i++) printf "#define N%d %d\n", i, i * i }' >gen/numbers.h
printf '#include "numbers.h"\nint sum = N1 + N2 + N3 + N4;\n' >sum.c
$RUN gcc -Igen -c sum.c -o sum.o
