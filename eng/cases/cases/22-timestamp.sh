# __TIMESTAMP__
printf 'const char *changed = __TIMESTAMP__;\n' >stamp.c
touch -d '2001-02-03 04:05:06' stamp.c
$RUN gcc -c stamp.c -o stamp.o
