# strip in place
write_c
gcc -g -Iinc main.c scale.c -o main
chmod 0750 main
$RUN strip --strip-debug main
