# as itself
printf '.data\n.global value\nvalue: .long 42\n' >value.s
$RUN as --64 -o value.o value.s
