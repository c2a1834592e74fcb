# warnings in colours at a terminal
printf '#include <stdio.h>\nint f(int unused) { int x; printf("%%s", x); return "text"; }\n' >warn.c
script -qec "$RUN gcc -Wall -Wextra -c warn.c -o warn.o" /dev/null
