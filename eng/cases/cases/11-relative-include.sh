# -I with ..
write_c
mkdir -p sub/deep
mv scale.c sub/deep
cd sub/deep
$RUN gcc -g -I../../inc -I./../../sub/../inc -c scale.c -o ../scale.o
