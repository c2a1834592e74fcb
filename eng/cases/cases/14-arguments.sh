# -D with quotes, spaces, a backslash; an empty argument
printf 'const char *text = TEXT; int n = N EMPTY;\n' >define.c
$RUN gcc '-DTEXT="a  b\t\"c\" $HOME `x` *"' -D 'N=1  +  2' -DEMPTY= -Wall -c define.c -o define.o
$RUN gcc "" -c define.c || echo "ends with $?"
