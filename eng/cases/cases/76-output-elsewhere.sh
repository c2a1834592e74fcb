# -o outside of the directory
write_c
mkdir project build
mv scale.c inc project
cd project
$RUN gcc -Iinc -MMD -c scale.c -o ../build/scale.o
$RUN gcc -Iinc -c scale.c -o "$OUTSIDE/scale.o"
cp "$OUTSIDE/scale.o" ../build/copy.o
