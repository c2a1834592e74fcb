# messages in the language of the environment
export LC_ALL=C
printf 'int f(void) { return missing; }\n' >wrong.c
$RUN gcc -c wrong.c -o wrong.o || echo "ends with $?"
