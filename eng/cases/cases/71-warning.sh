# text of warnings
printf '#include <stdio.h>\nint f(int unused) { int x; printf("%%s", x); return "text"; }\n' >warn.c
$RUN gcc -Wall -Wextra -c warn.c -o warn.o
