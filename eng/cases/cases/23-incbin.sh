# .incbin in inline assembly
printf 'some bytes' >blob.bin
printf 'asm(".section .rodata\\n.global blob\\nblob: .incbin \\"blob.bin\\"\\n.text");\nextern const char blob[];\nchar first(void) { return blob[0]; }\n' >blob.c
$RUN gcc -c blob.c -o blob.o
