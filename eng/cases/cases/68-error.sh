# text of a compile error
write_c
printf '#include "scale.h"\nint f(void) { return scale("text", 1) + missing; }\n' >wrong.c
$RUN gcc -Iinc -c wrong.c -o wrong.o || echo "ends with $?"
