# __DATE__, __TIME__
printf 'const char *built = __DATE__ " " __TIME__;\n' >date.c
$RUN gcc -c date.c -o date.o
sleep 1.1 # two local runs are never in one second
