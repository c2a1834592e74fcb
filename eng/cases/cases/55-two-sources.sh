# two sources in one command
write_c
$RUN gcc -Iinc -c scale.c main.c
