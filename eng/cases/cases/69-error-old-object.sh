# compile error, an object of before is there
printf 'int f(void) { return missing; }\n' >wrong.c
echo old >wrong.o
$RUN gcc -c wrong.c -o wrong.o || echo "ends with $?"
