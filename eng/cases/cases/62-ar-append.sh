# ar q and ranlib on an archive that is there
write_c
gcc -Iinc -c scale.c
gcc -Iinc -c main.c
ar rcD libscale.a scale.o
$RUN ar qD libscale.a main.o
$RUN ranlib -D libscale.a
