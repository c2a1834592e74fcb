# -Wa,-al=listing
write_c
$RUN gcc -g -pipe -Iinc -Wa,-aln=scale.lst -c scale.c -o scale.o
