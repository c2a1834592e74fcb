# umask 077
write_c
umask 077
$RUN gcc -Iinc -MD main.c scale.c -o main
