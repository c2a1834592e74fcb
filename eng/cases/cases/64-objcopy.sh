# objcopy: debug information taken out, link to it put in
write_c
gcc -g -Iinc main.c scale.c -o main
$RUN objcopy --only-keep-debug main main.debug
$RUN objcopy --strip-debug --add-gnu-debuglink=main.debug main
