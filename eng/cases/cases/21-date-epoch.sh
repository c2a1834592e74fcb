# __DATE__ with SOURCE_DATE_EPOCH
export SOURCE_DATE_EPOCH=1000000000
printf 'const char *built = __DATE__ " " __TIME__;\n' >date.c
$RUN gcc -c date.c -o date.o
