# link with a linker script, a map and a dependency file
write_c
gcc -Iinc -c scale.c
gcc -Iinc -c main.c
echo 'INPUT(scale.o)' >more.ld
$RUN gcc main.o more.ld -Wl,-Map=main.map -Wl,--dependency-file=main.d -o main
