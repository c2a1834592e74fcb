# clang --target=aarch64
printf 'long twice(long n) { return 2 * n; }\n' >twice.c
$RUN clang --target=aarch64-linux-gnu -O2 -c twice.c -o twice.o
