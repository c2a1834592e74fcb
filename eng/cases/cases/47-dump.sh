# -fdump-tree-optimized, -fcallgraph-info
write_c
$RUN gcc -O2 -fdump-tree-optimized -fcallgraph-info -Iinc -c scale.c -o scale.o
