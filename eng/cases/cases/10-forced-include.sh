# -include, -imacros
write_c
echo '#define EXTRA 5' >macros.h
printf 'int f = FACTOR + EXTRA;\n' >forced.c
$RUN gcc -include inc/scale.h -imacros macros.h -c forced.c -o forced.o
