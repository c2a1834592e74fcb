# -save-temps=obj, object in another directory
write_c
mkdir out
$RUN gcc -save-temps=obj -Iinc -c scale.c -o out/scale.o
