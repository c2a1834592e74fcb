# a script that calls gcc
write_c
printf '#!/bin/sh\nexec gcc -DWRAPPED "$@"\n' >mycc
chmod +x mycc
$RUN ./mycc -O1 -Iinc -c scale.c -o scale.o
