# -ffile-prefix-map, -fdebug-prefix-map
write_c
$RUN gcc -g -ffile-prefix-map="$PWD=/src" -fdebug-prefix-map=/usr=/elsewhere -Iinc -c scale.c -o scale.o
