# output over a symbolic link, over a hard link
write_c
echo old >target.o
ln -s target.o linked.o
$RUN gcc -Iinc -c scale.c -o linked.o
echo old >one.o
ln one.o two.o
$RUN gcc -Iinc -c scale.c -o two.o
