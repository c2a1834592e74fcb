# -fprofile-use
write_c
gcc -O2 -fprofile-generate -frandom-seed=scale -Iinc -c scale.c -o scale.o
gcc -O2 -fprofile-generate -frandom-seed=main -Iinc -c main.c -o main.o
gcc -fprofile-generate main.o scale.o -o main
./main
rm main main.o scale.o
$RUN gcc -O2 -fprofile-use -frandom-seed=scale -Iinc -c scale.c -o scale.o
