# -MM -MG with a header that is not there
printf '#include "later.h"\nint x;\n' >later.c
$RUN gcc -MM -MG later.c -MF later.d
