# source from standard input
echo 'int piped = 1;' | $RUN gcc -x c -c - -o piped.o
echo 'int from_file = 2;' >source
$RUN gcc -x c -c - -o file.o <source
