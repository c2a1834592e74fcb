# .S with #include and .incbin
printf 'some bytes' >blob.bin
echo '#define SYMBOL blob' >names.h
printf '#include "names.h"\n.section .rodata\n.global SYMBOL\nSYMBOL: .incbin "blob.bin"\n' >blob.S
$RUN gcc -c blob.S -o blob.o
