# response files, one in another
write_c
echo '-Iinc @"more flags.rsp"' >flags.rsp
printf '%s\n' -O2 '-DNAME="two words"' -c >'more flags.rsp'
$RUN gcc @flags.rsp scale.c -o scale.o
