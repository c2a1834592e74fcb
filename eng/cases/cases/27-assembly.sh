# .s with .include
printf '.macro answer\n.long 42\n.endm\n' >macros.inc
printf '.include "macros.inc"\n.data\n.global value\nvalue: answer\n' >value.s
$RUN gcc -c value.s -o value.o
