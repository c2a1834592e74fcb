# --coverage, the program run with the tool
write_c
gcc --coverage -frandom-seed=main -Iinc -c main.c -o main.o
gcc --coverage -frandom-seed=scale -Iinc -c scale.c -o scale.o
gcc --coverage main.o scale.o -o main
$RUN ./main
