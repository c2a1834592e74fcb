# __FILE__ of an absolute source path
printf 'const char *file = __FILE__;\nconst char *base = __BASE_FILE__;\n' >where.c
$RUN gcc -c "$PWD/where.c" -o where.o
