# -fdiagnostics-format=json
printf 'int f(int unused) { int x; return x + missing; }\n' >wrong.c
$RUN gcc -Wall -fdiagnostics-format=json -c wrong.c -o wrong.o || echo "ends with $?"
