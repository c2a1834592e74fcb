# -flto, compiled and linked
write_c
$RUN gcc -O2 -flto -frandom-seed=scale -Iinc -c scale.c -o scale.o
$RUN gcc -O2 -flto -frandom-seed=main -Iinc -c main.c -o main.o
$RUN gcc -O2 -flto=1 -frandom-seed=link main.o scale.o -o main
./main
