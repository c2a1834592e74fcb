# CPATH, GCC_COLORS and other variables of gcc
write_c
export CPATH=$PWD/inc GCC_COLORS= DEPENDENCIES_OUTPUT=deps.txt
$RUN gcc -c scale.c -o scale.o
