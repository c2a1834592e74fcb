# compile and link in one command
write_c
$RUN gcc -Iinc main.c scale.c -o main
./main
