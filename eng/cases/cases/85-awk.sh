# a generator in awk
seq 1 50 >numbers.txt
$RUN awk -v name=table '{ sum += $1; list = list $1 "," } END { printf "int %s[] = { %s %d };\n", name, list, sum > (name ".c") }' numbers.txt
$RUN gcc -c table.c -o table.o
